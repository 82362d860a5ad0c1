//! What stands in the log, and what never does. A test binary of its own: its one log is there before anything is logged,
//! and each test has an account of its own in it.
#![expect(clippy::unwrap_used, reason = "helpers of a test may fail it")]

#[path = "../webhooks/receiver.rs"]
#[expect(dead_code, reason = "the log needs some of it")]
mod receiver;
#[path = "../webhooks/run.rs"]
mod run;

use std::io::Write;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use crosspoint_webhooks::{AddressPolicy, Config, Delivery, DropReason, Limits, Outcome};

use receiver::Receiver;
use run::{ACCOUNT, Run, SECRET, config, delivery};

/// The log of this process.
#[derive(Clone, Copy)]
struct Log(&'static Mutex<Vec<u8>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Logs everything from the first call on.
    fn start() -> Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        *LOG.get_or_init(|| {
            let log = Log(Box::leak(Box::default()));
            let level = tracing::Level::TRACE;
            tracing_subscriber::fmt().with_max_level(level).with_ansi(false).with_writer(move || log).init();
            log
        })
    }

    fn text(self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn lines(self, account: &str) -> Vec<String> {
        let account = format!("account={account} ");
        self.text().lines().filter(|line| line.contains(&account)).map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn a_dropped_callback_is_logged_without_what_is_private() {
    let log = Log::start();
    let mut receiver = Receiver::start().await;
    let mut run = Run::start(config());
    let url = format!("http://user:hidden@{}/hidden?hidden=hidden#hidden", receiver.address);
    let private = delivery(1, 1, &url);
    tracing::info!(?private);
    run.send(private).await;
    receiver.next().await.answer(500);
    receiver.next().await.answer(410);
    assert_eq!(run.finished().await, (1, Outcome::Dropped(DropReason::Gone)));
    let lines = log.lines(ACCOUNT);
    let line = lines.iter().find(|line| line.contains("a callback is given up")).unwrap();
    for part in [
        "WARN",
        &format!("account={ACCOUNT}"),
        "participant=00000000-0000-0000-0000-000000000001",
        &format!("host=http://{}", receiver.address),
        "reason=gone",
    ] {
        assert!(line.contains(part), "{part} is missing in {line}");
    }
    let text = log.text();
    assert!(text.contains("hyper"), "the libraries' own lines are looked at too");
    for private in ["hidden", "number", SECRET, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
        assert!(!text.contains(private), "{private} stands in {text}");
    }
}

#[tokio::test]
async fn many_drops_make_few_lines() {
    let log = Log::start();
    let mut run = Run::start(config());
    for id in 1..=500 {
        let account = "flooded".parse().unwrap();
        run.send(Delivery { account, ..delivery(id, u128::from(id), "http://nowhere:99999/") }).await;
        run.finished().await;
    }
    assert_eq!(log.lines("flooded").len(), 10);
    assert_eq!(run.webhooks.counts().dropped, 500);
}

#[tokio::test]
async fn the_log_says_why_an_address_is_not_allowed() {
    let log = Log::start();
    let backoff = Duration::from_secs(60);
    let limits = Limits { backoff_first: backoff, backoff_max: backoff, ..Limits::default() };
    let run = Run::start(Config { addresses: AddressPolicy::PublicOnly, limits, ..config() });
    for (id, host) in [(1, "169.254.169.254"), (2, "localhost")] {
        let account = "guarded".parse().unwrap();
        run.send(Delivery { account, ..delivery(id, u128::from(id), &format!("http://{host}/hidden")) })
            .await;
    }
    run.failures(2).await;
    let lines = log.lines("guarded");
    let has = |text: &str| lines.iter().any(|line| line.contains("WARN") && line.contains(text));
    assert!(has("reason=169.254.169.254 is not allowed: a link-local address"), "{lines:?}");
    assert!(has("reason=the name has no address that is allowed: "), "{lines:?}");
}
