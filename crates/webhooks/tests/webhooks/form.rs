//! What a receiver sees.

use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crosspoint_webhooks::{Config, Outcome};

use crate::receiver::Receiver;
use crate::run::{Run, SECRET, config, delivery};

/// HMAC (RFC 2104) from the digest alone, so that the signature is not checked with what made it.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad = |byte: u8| (0..64).map(move |i| key.get(i).copied().unwrap_or(0) ^ byte);
    let sha256 = |bytes: Vec<u8>| digest::digest(&digest::SHA256, &bytes).as_ref().to_vec();
    let inner = sha256(pad(0x36).chain(message.iter().copied()).collect());
    sha256(pad(0x5c).chain(inner).collect())
}

#[tokio::test]
async fn a_callback_is_a_signed_post_of_json() {
    let mut receiver = Receiver::start().await;
    let mut run = Run::start(config());
    run.send(delivery(7, 1, &format!("{}?key=a%20b", receiver.url()))).await;
    let call = receiver.next().await;
    assert_eq!((call.method.as_str(), call.target.as_str()), ("POST", "/callback?key=a%20b"));
    assert_eq!(call.body, r#"{"number":7}"#);
    assert_eq!(call.header("content-type"), "application/json");
    assert_eq!(call.header("user-agent"), format!("crosspoint/{}", env!("CARGO_PKG_VERSION")));
    assert_eq!(call.header("host"), receiver.address.to_string());

    let (id, timestamp) = (call.header("webhook-id"), call.header("webhook-timestamp"));
    assert_eq!(id, "00000000-0000-0000-0000-000000000007");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!((now - 60..=now).contains(&timestamp.parse().unwrap()), "{timestamp}");
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let expected = hmac_sha256(&key, format!("{id}.{timestamp}.{}", call.body).as_bytes());
    assert_eq!(call.header("webhook-signature"), format!("v1,{}", STANDARD.encode(expected)));
    call.answer(204);
    assert_eq!(run.finished().await, (7, Outcome::Delivered));
}

#[tokio::test]
async fn without_a_secret_nothing_is_signed() {
    let mut receiver = Receiver::start().await;
    let run = Run::start(Config { secrets: [].into(), ..config() });
    run.send(delivery(7, 1, &receiver.url())).await;
    let call = receiver.next().await;
    assert!(call.headers.contains_key("webhook-id") && call.headers.contains_key("webhook-timestamp"));
    assert!(!call.headers.contains_key("webhook-signature"));
}

#[tokio::test]
async fn user_info_of_the_url_is_sent_as_credentials() {
    let mut receiver = Receiver::start().await;
    let run = Run::start(config());
    run.send(delivery(7, 1, &receiver.url().replace("http://", "http://user:word@"))).await;
    assert_eq!(receiver.next().await.header("authorization"), "Basic dXNlcjp3b3Jk");
}

#[tokio::test]
async fn https_begins_with_a_tls_handshake() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let peer = std::thread::spawn(move || {
        let mut record = [0; 6];
        listener.accept().unwrap().0.read_exact(&mut record).unwrap();
        record
    });
    let run = Run::start(config());
    run.send(delivery(1, 1, &format!("https://{address}/"))).await;
    // The peer hangs up in the middle of it, which is a failure like any other.
    run.failures(1).await;
    let [content_type, version, _, _, _, handshake_type] = peer.join().unwrap();
    assert_eq!((content_type, version, handshake_type), (22, 3, 1), "not a ClientHello");
}
