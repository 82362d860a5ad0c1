//! What stands in the log, and what never does.

use std::io::Write;
use std::sync::{Arc, Mutex};

use crosspoint_webhooks::{AddressPolicy, Config, DropReason, Outcome};
use tracing_subscriber::fmt::MakeWriter;

use crate::receiver::Receiver;
use crate::run::{ACCOUNT, Run, SECRET, config, delivery};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Of this thread, on which the tests' runtime runs its tasks.
fn capture() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn a_dropped_callback_is_logged_without_what_is_private() {
    let (log, _guard) = capture();
    let mut receiver = Receiver::start().await;
    let mut run = Run::start(config());
    let url = format!("http://user:hidden@{}/hidden?hidden=hidden#hidden", receiver.address);
    let private = delivery(1, 1, &url);
    tracing::info!(?private);
    run.send(private).await;
    receiver.next().await.answer(500);
    receiver.next().await.answer(410);
    assert_eq!(run.finished().await, (1, Outcome::Dropped(DropReason::Gone)));
    let text = log.text();
    let line = text.lines().find(|line| line.contains("a callback is given up")).unwrap();
    for part in [
        "WARN",
        &format!("account={ACCOUNT}"),
        "participant=00000000-0000-0000-0000-000000000001",
        &format!("host=http://{}", receiver.address),
        "reason=gone",
    ] {
        assert!(line.contains(part), "{part} is missing in {line}");
    }
    for private in ["hidden", "number", SECRET, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
        assert!(!text.contains(private), "{private} stands in {text}");
    }
}

#[tokio::test]
async fn many_drops_make_few_lines() {
    let (log, _guard) = capture();
    let mut run = Run::start(config());
    for id in 1..=500 {
        run.send(delivery(id, u128::from(id), "http://nowhere:99999/")).await;
        run.finished().await;
    }
    assert_eq!(log.text().matches("a callback is given up").count(), 10);
    assert_eq!(run.webhooks.counts().dropped, 500);
}

#[tokio::test]
async fn the_log_says_why_an_address_is_not_allowed() {
    let (log, _guard) = capture();
    let run = Run::start(Config { addresses: AddressPolicy::PublicOnly, ..config() });
    run.send(delivery(1, 1, "http://localhost/hidden")).await;
    run.failures(1).await;
    run.send(delivery(2, 2, "http://169.254.169.254/latest/hidden")).await;
    run.failures(50).await;
    let text = log.text();
    assert!(text.contains("169.254.169.254 is not allowed: a link-local address"), "{text}");
    assert!(text.contains("the name has no address that is allowed"), "{text}");
    assert!(!text.contains("hidden"));
    assert_eq!(text.matches("goes to an address that is not allowed").count(), 10);
}
