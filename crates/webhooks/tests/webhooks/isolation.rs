//! One receiver does not become the trouble of another, nor of the server.

use std::io::{ErrorKind, Read, Write};

use crosspoint_webhooks::{DropReason, Outcome};

use crate::receiver::{Receiver, within};
use crate::run::{Run, config, delivery};

#[tokio::test]
async fn a_receiver_that_never_answers_holds_up_nobody_else() {
    let mut silent = Receiver::start().await;
    let mut well = Receiver::start().await;
    let mut run = Run::start(config());
    for id in 1..=50 {
        run.send(delivery(id, u128::from(id), &silent.url())).await;
    }
    let unanswered = [silent.next().await, silent.next().await, silent.next().await, silent.next().await];
    for id in 51..=70 {
        run.send(delivery(id, u128::from(id), &well.url())).await;
    }
    for _ in 51..=70 {
        well.next().await.answer(200);
        assert!(matches!(run.finished().await, (51..=70, Outcome::Delivered)));
    }
    // Its own participants wait for their turn.
    assert!(silent.is_idle());
    drop(unanswered);
}

#[tokio::test]
async fn a_huge_answer_is_not_read() {
    const CLAIMED: usize = 1 << 30;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let sender = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).unwrap() > 0);
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {CLAIMED}\r\n\r\n").unwrap();
        let chunk = [b'x'; 64 * 1024];
        let mut sent = 0;
        while sent < CLAIMED {
            match stream.write(&chunk) {
                Ok(len) => sent += len,
                Err(error) => {
                    assert!(
                        matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
                        "{error}"
                    );
                    break;
                }
            }
        }
        sent
    });
    let mut run = Run::start(config());
    run.send(delivery(1, 1, &format!("http://{address}/"))).await;
    assert_eq!(run.finished().await, (1, Outcome::Delivered));
    let sent = tokio::task::spawn_blocking(move || sender.join().unwrap());
    // What the kernel's buffers took in, far from all.
    let sent = within(sent).await.unwrap();
    assert!(sent < CLAIMED / 16, "{sent} bytes went out");
}

#[tokio::test]
async fn deliveries_are_taken_in_while_nobody_takes_finished_ones() {
    let mut run = Run::start(config());
    // More than the channels hold together.
    for id in 1..=5_000 {
        run.send(delivery(id, u128::from(id), "http://nowhere:99999/")).await;
    }
    for id in 1..=5_000 {
        assert_eq!(run.finished().await, (id, Outcome::Dropped(DropReason::BadUrl)));
    }
}
