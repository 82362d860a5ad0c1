//! Requests that must not be made.

use std::io::ErrorKind;
use std::time::Duration;

use crosspoint_webhooks::{AddressPolicy, Config, Limits};

use crate::run::{Run, config, delivery};

/// Every way to write an address of this machine that a URL parser takes.
const THIS_MACHINE: [&str; 22] = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7F.0.0.1",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.0x1.",
    "%31%32%37.0.0.1",
    "１２７.0.0.1",
    "127。0。0。1",
    "127.0.0.2",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::1]",
    "0.0.0.0",
    "0",
    "user@localhost",
    "LOCALHOST",
];

#[tokio::test]
async fn this_machine_is_out_of_reach_however_it_is_written() {
    let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let listener_v6 = std::net::TcpListener::bind(("::1", listener.local_addr().unwrap().port()));
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let backoff = Duration::from_secs(60);
    let limits = Limits { backoff_first: backoff, backoff_max: backoff, ..Limits::default() };
    let run = Run::start(Config { addresses: AddressPolicy::PublicOnly, limits, ..config() });
    for (id, host) in (1..).zip(THIS_MACHINE) {
        run.send(delivery(id, u128::from(id), &format!("http://{host}:{port}/"))).await;
    }
    let counts = run.failures(THIS_MACHINE.len().try_into().unwrap()).await;
    assert_eq!((counts.delivered, counts.dropped), (0, 0), "each was refused, none was no URL");
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "a connection was made");
    if let Ok(listener_v6) = listener_v6 {
        listener_v6.set_nonblocking(true).unwrap();
        assert_eq!(listener_v6.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "a connection was made");
    }
}

#[tokio::test]
async fn the_configuration_may_allow_this_machine_but_not_the_unspecified_address() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let run = Run::start(config());
    for (id, host) in (1..).zip(["0.0.0.0", "0", "[::]", "[::ffff:0.0.0.0]"]) {
        run.send(delivery(id, u128::from(id), &format!("http://{host}:{port}/"))).await;
    }
    run.failures(4).await;
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "a connection was made");

    listener.set_nonblocking(true).unwrap();
    let mut receiver = crate::receiver::Receiver::serve(tokio::net::TcpListener::from_std(listener).unwrap());
    run.send(delivery(5, 5, &format!("http://localhost:{port}/"))).await;
    assert_eq!(receiver.next().await.body, r#"{"number":5}"#);
}
