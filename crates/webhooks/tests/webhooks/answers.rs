//! What receivers answer, and what comes of it.

use std::time::Duration;

use crosspoint_webhooks::{Config, Counts, DropReason, Limits, Outcome};

use crate::receiver::{Receiver, within};
use crate::run::{Run, config, delivery};

#[tokio::test]
async fn a_refused_callback_comes_again_before_the_next_one() {
    let mut receiver = Receiver::start().await;
    let mut run = Run::start(config());
    for id in [1, 2] {
        run.send(delivery(id, 1, &receiver.url())).await;
    }
    for status in [500, 404, 301, 503, 429] {
        let call = receiver.next().await;
        assert_eq!(call.body, r#"{"number":1}"#);
        assert_eq!(call.header("webhook-id"), "00000000-0000-0000-0000-000000000001");
        call.answer(status);
    }
    receiver.next().await.answer(299);
    assert_eq!(run.finished().await, (1, Outcome::Delivered));
    let call = receiver.next().await;
    assert_eq!(call.body, r#"{"number":2}"#);
    call.answer(200);
    assert_eq!(run.finished().await, (2, Outcome::Delivered));
    assert_eq!(run.webhooks.counts(), Counts { delivered: 2, retried: 5, dropped: 0 });
}

#[tokio::test]
async fn a_callback_without_an_answer_in_time_comes_again() {
    let mut receiver = Receiver::start().await;
    let mut run = Run::start(Config { timeout: Duration::from_secs(1), ..config() });
    run.send(delivery(1, 1, &receiver.url())).await;
    let unanswered = receiver.next().await;
    let again = receiver.next().await;
    assert_eq!(again.header("webhook-id"), unanswered.header("webhook-id"));
    again.answer(200);
    assert_eq!(run.finished().await, (1, Outcome::Delivered));
}

#[tokio::test]
async fn a_receiver_that_is_down_gets_its_callback_when_it_is_up() {
    // Bound but not listening: the port is ours, and connections to it are refused.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let mut run = Run::start(config());
    run.send(delivery(1, 1, &format!("http://{address}/"))).await;
    run.failures(2).await;
    let mut receiver = Receiver::serve(socket.listen(16).unwrap());
    receiver.next().await.answer(200);
    assert_eq!(run.finished().await, (1, Outcome::Delivered));
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_left_alone() {
    let mut receiver = Receiver::start().await;
    let mut run = Run::start(config());
    run.send(delivery(1, 1, &receiver.url())).await;
    receiver.next().await.answer(410);
    assert_eq!(run.finished().await, (1, Outcome::Dropped(DropReason::Gone)));
    assert_eq!(run.webhooks.counts(), Counts { delivered: 0, retried: 0, dropped: 1 });
}

#[tokio::test]
async fn a_callback_that_nobody_takes_is_given_up_in_the_end() {
    let mut receiver = Receiver::start().await;
    let limits = Limits { lifetime: Duration::from_millis(300), ..config().limits };
    let mut run = Run::start(Config { limits, ..config() });
    run.send(delivery(1, 1, &receiver.url())).await;
    let outcome = within(async {
        loop {
            tokio::select! {
                call = receiver.next() => call.answer(500),
                finished = run.finished() => return finished,
            }
        }
    });
    assert_eq!(outcome.await, (1, Outcome::Dropped(DropReason::Expired)));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let mut receiver = Receiver::start().await;
    let mut elsewhere = Receiver::start().await;
    let run = Run::start(config());
    run.send(delivery(1, 1, &receiver.url())).await;
    for status in [301, 302, 303, 307, 308] {
        let call = receiver.next().await;
        assert_eq!((call.method.as_str(), call.target.as_str()), ("POST", "/callback"));
        call.redirect(status, &elsewhere.url());
    }
    receiver.next().await.answer(200);
    assert!(elsewhere.is_idle());
}

#[tokio::test]
async fn restored_callbacks_come_first_and_in_order() {
    let mut receiver = Receiver::start().await;
    let restored = [1, 2].map(|id| delivery(id, 1, &receiver.url())).to_vec();
    let mut run = Run::restore(config(), restored);
    run.send(delivery(3, 1, &receiver.url())).await;
    for id in 1..=3 {
        let call = receiver.next().await;
        assert_eq!(call.body, format!(r#"{{"number":{id}}}"#));
        call.answer(200);
        assert_eq!(run.finished().await, (id, Outcome::Delivered));
    }
}

#[tokio::test]
async fn a_stop_waits_for_what_is_on_its_way_and_starts_nothing() {
    let mut receiver = Receiver::start().await;
    let mut run = Run::start(config());
    for id in [1, 2] {
        run.send(delivery(id, 1, &receiver.url())).await;
    }
    let call = receiver.next().await;
    let stop = tokio::spawn(run.webhooks.stop());
    call.answer(200);
    let finished = within(run.finished.recv()).await.unwrap();
    assert_eq!((finished.id, finished.outcome), (1, Outcome::Delivered));
    assert_eq!(within(run.finished.recv()).await, None);
    within(stop).await.unwrap();
    assert!(receiver.is_idle());
}
