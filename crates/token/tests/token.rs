//! What is taken as a token, and what is not.

#![allow(clippy::unwrap_used, reason = "what a test unwraps it asserts")]

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crosspoint_ids::{ParticipantId, Timestamp, TokenId};
use crosspoint_token::{DeviceToken, TokenError, TokenKey};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use uuid::Uuid;

const SECRET: [u8; 32] = *b"a secret that only the tests use";
const ISSUED_SECS: u64 = 1_700_000_000;
const LIFETIME_SECS: u64 = 9 * 3_600;

fn key() -> TokenKey {
    TokenKey::new(SECRET)
}

fn issued_at() -> Timestamp {
    Timestamp::from_millis(ISSUED_SECS * 1_000)
}

fn token() -> DeviceToken {
    DeviceToken {
        account: "9900000".parse().unwrap(),
        participant: ParticipantId::new(Uuid::from_u128(1)),
        token: TokenId::new(Uuid::from_u128(2)),
        issued_at: issued_at(),
        expires_at: issued_at() + Duration::from_secs(LIFETIME_SECS),
    }
}

/// The claims of [`token`], as they stand on the wire.
fn claims() -> Value {
    json!({
        "a": "9900000",
        "p": Uuid::from_u128(1).to_string(),
        "v": "v3",
        "tid": Uuid::from_u128(2).to_string(),
        "iss": "crosspoint",
        "iat": ISSUED_SECS,
        "exp": ISSUED_SECS + LIFETIME_SECS,
    })
}

/// The claims of [`token`], but for one.
fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn claims_without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn signed(algorithm: Algorithm, claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(&SECRET)).unwrap()
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn check(what: &str, text: &str, expected: Result<DeviceToken, TokenError>) {
    assert_eq!(key().verify(issued_at(), text), expected, "{what}: {text}");
}

#[test]
fn a_token_reads_back_as_it_was_signed() {
    check("our own", &key().sign(&token()), Ok(token()));
    check("by the claims' names", &signed(Algorithm::HS256, &claims()), Ok(token()));
    let more = claims_with("colour", json!({ "unknown": true }));
    check("a claim we don't know", &signed(Algorithm::HS256, &more), Ok(token()));
}

#[test]
fn clients_read_these_claims_without_verifying() {
    let text = key().sign(&token());
    let parts: Vec<&str> = text.split('.').collect();
    let read =
        |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    assert_eq!(parts.len(), 3);
    assert_eq!(read(parts[0]), json!({ "typ": "JWT", "alg": "HS256" }));
    assert_eq!(read(parts[1]), claims());
}

#[test]
fn a_token_ends_at_its_second_without_leeway() {
    let text = key().sign(&token());
    let end = token().expires_at.as_millis();
    for (now, expected) in [
        (0, Ok(token())),
        (end - 1, Ok(token())),
        (end, Err(TokenError::Expired)),
        (end + 1, Err(TokenError::Expired)),
        (u64::MAX, Err(TokenError::Expired)),
    ] {
        assert_eq!(key().verify(Timestamp::from_millis(now), &text), expected, "at {now}");
    }
}

#[test]
fn times_are_kept_in_whole_seconds() {
    let fine = DeviceToken { issued_at: issued_at() + Duration::from_millis(999), ..token() };
    check("milliseconds", &key().sign(&fine), Ok(token()));
}

#[test]
fn another_key_or_algorithm_is_not_ours() {
    let ours = key().sign(&token());
    let (head, signature) = ours.rsplit_once('.').unwrap();
    let (_, payload) = head.split_once('.').unwrap();
    let header = |algorithm: &str| part(&json!({ "typ": "JWT", "alg": algorithm }));
    let mut cases = vec![
        ("another key", TokenKey::new([7; 32]).sign(&token())),
        ("HS512 with our key", signed(Algorithm::HS512, &claims())),
        ("HS384 with our key", signed(Algorithm::HS384, &claims())),
        ("no signature", format!("{head}.")),
        ("no signature, no dot", head.to_owned()),
        ("other claims", format!("{}.{}.{signature}", header("HS256"), part(&claims_with("a", json!("1"))))),
        ("a signature of zeroes", format!("{head}.{}", URL_SAFE_NO_PAD.encode([0; 32]))),
    ];
    for algorithm in ["none", "None", "NONE", "RS256", "ES256", "EdDSA", "HS512", ""] {
        cases.push((algorithm, format!("{}.{payload}.{signature}", header(algorithm))));
        cases.push((algorithm, format!("{}.{payload}.", header(algorithm))));
    }
    for (what, text) in cases {
        check(what, &text, Err(TokenError::Invalid));
    }
}

#[test]
fn claims_of_another_form_are_not_ours() {
    for (what, claims) in [
        ("v2", claims_with("v", json!("v2"))),
        ("upper case version", claims_with("v", json!("V3"))),
        ("no version", claims_without("v")),
        ("another issuer", claims_with("iss", json!("somebody"))),
        ("several issuers", claims_with("iss", json!(["crosspoint"]))),
        ("no issuer", claims_without("iss")),
        ("no end", claims_without("exp")),
        ("end as text", claims_with("exp", json!("1700032400"))),
        ("negative end", claims_with("exp", json!(-1))),
        ("no start", claims_without("iat")),
        ("account of no form", claims_with("a", json!("a/b"))),
        ("empty account", claims_with("a", json!(""))),
        ("account as number", claims_with("a", json!(9_900_000))),
        ("participant of no form", claims_with("p", json!("1"))),
        ("participant in upper case", claims_with("p", json!("00000000-0000-0000-0000-00000000000A"))),
        ("no token id", claims_without("tid")),
        ("for an audience", claims_with("aud", json!("somebody"))),
        ("an array", json!([1, 2])),
    ] {
        check(what, &signed(Algorithm::HS256, &claims), Err(TokenError::Invalid));
    }
}

#[test]
fn every_truncation_and_every_flipped_character_is_refused() {
    let text = key().sign(&token());
    for end in 0..text.len() {
        check("truncated", &text[..end], Err(TokenError::Invalid));
    }
    for place in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        check("flipped", &String::from_utf8(bytes).unwrap(), Err(TokenError::Invalid));
    }
}

#[test]
fn garbage_is_refused() {
    for text in ["", ".", "..", "...", "a.b.c", "ä.ö.ü", "\0", " ", "Bearer x", "eyJ.eyJ.", "e30.e30.e30"]
    {
        check("garbage", text, Err(TokenError::Invalid));
    }
    let padded = format!(" {}", key().sign(&token()));
    check("a space in front", &padded, Err(TokenError::Invalid));
}

#[test]
fn a_long_text_is_not_looked_at() {
    for (len, expected) in
        [(2_048, TokenError::Invalid), (2_049, TokenError::TooLong), (1 << 20, TokenError::TooLong)]
    {
        assert_eq!(key().verify(issued_at(), &"a".repeat(len)), Err(expected), "{len}");
    }
    let long = claims_with("padding", json!("x".repeat(2_000)));
    check("good but for its length", &signed(Algorithm::HS256, &long), Err(TokenError::TooLong));
}

#[test]
fn the_longest_account_fits() {
    let long = DeviceToken { account: "9".repeat(64).parse().unwrap(), ..token() };
    check("64 digits", &key().sign(&long), Ok(long.clone()));
}

#[test]
fn debug_output_does_not_show_the_secret() {
    assert_eq!(format!("{:?}", key()), "TokenKey(…)");
}
