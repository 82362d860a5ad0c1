use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};

use super::*;

fn accounts() -> Accounts {
    let user = |account: &str, user: &str, password: &str| Credential {
        account: account.parse().unwrap(),
        user: user.into(),
        password: password.into(),
    };
    let users = [user("1", "a", "x:y"), user("1", "b", "z"), user("2", "ü", "ß"), user("3", "c", "d")];
    Accounts::new(users).with_disabled(["3".parse().unwrap()])
}

async fn check(account: &str, authorization: Option<&str>, expected: Result<(), ApiError>) {
    let value = authorization.map(|value| (header::AUTHORIZATION, value.parse().unwrap()));
    let admitted = accounts().admit(account, None, &HeaderMap::from_iter(value)).await;
    let expected = expected.map(|()| account.parse().unwrap());
    assert_eq!(admitted, expected, "{account} {authorization:?}");
}

#[tokio::test]
async fn only_the_accounts_own_users_are_admitted() {
    let wrong = || Err(ApiError::Unauthorized);
    for (account, pair, expected) in [
        ("1", &b"a:x:y"[..], Ok(())),
        ("1", b"b:z", Ok(())),
        ("2", "ü:ß".as_bytes(), Ok(())),
        ("2", b"\xfc:\xdf", Ok(())),
        ("2", b"\xfc:\xc3\x9f", wrong()),
        ("2", b"a:x:y", wrong()),
        ("4", b"a:x:y", wrong()),
        ("1", b"a:x", wrong()),
        ("1", b"A:x:y", wrong()),
        ("1", b"a:x:y\0", wrong()),
        ("1", b"a", wrong()),
        ("1", b":", wrong()),
        ("1", b"", wrong()),
        ("", b"1a:x:y", wrong()),
        ("1a", b":x:y", wrong()),
        ("%31", b"a:x:y", wrong()),
        ("3", b"c:d", Err(ApiError::AccountDisabled)),
        ("3", b"c:e", wrong()),
        ("3", b"a:x:y", wrong()),
    ] {
        check(account, Some(&format!("Basic {}", BASE64.encode(pair))), expected).await;
    }
}

#[tokio::test]
async fn the_header_may_be_written_in_any_common_way() {
    let long = format!("Basic {}Yjp6", " ".repeat(AUTHORIZATION_LEN_MAX));
    let wrong = || Err(ApiError::Unauthorized);
    for (authorization, expected) in [
        (Some("Basic Yjp6"), Ok(())),
        (Some("basic Yjp6"), Ok(())),
        (Some("BASIC   Yjp6 "), Ok(())),
        (Some("Basic YTp4Onk="), Ok(())),
        (Some("Basic YTp4Onk"), Ok(())),
        (None, wrong()),
        (Some(""), wrong()),
        (Some("Basic"), wrong()),
        (Some("Basic "), wrong()),
        (Some("Yjp6"), wrong()),
        (Some("Bearer Yjp6"), wrong()),
        (Some("Basic b:z"), wrong()),
        (Some("Basic Yjp6Yjp6"), wrong()),
        (Some(&long), wrong()),
    ] {
        check("1", authorization, expected).await;
    }
}

#[test]
fn debug_output_shows_no_password() {
    let credential =
        Credential { account: "1".parse().unwrap(), user: "a".into(), password: "hidden".into() };
    let shown = format!("{credential:?} {:?}", Accounts::new([credential.clone()]));
    assert!(!shown.contains("hidden"), "{shown}");
}

fn source(last: u8) -> Source {
    Source::of([192, 0, 2, last].into())
}

/// An account 1 with user `plain` and password `right`, and user `hashed` with an argon2 hash of the same.
fn with_a_hash() -> Accounts {
    // The cheapest parameters there are, so that tests are quick.
    let params = Params::new(8, 1, 1, None).unwrap();
    let hash = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password(b"right").unwrap();
    let user = |user: &str, password: String| Credential {
        account: "1".parse().unwrap(),
        user: user.into(),
        password,
    };
    Accounts::new([user("plain", "right".into()), user("hashed", hash.to_string())])
}

fn basic(pair: &str) -> HeaderMap {
    let value = format!("Basic {}", BASE64.encode(pair));
    HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())])
}

async fn admitted(accounts: &Accounts, from: Source, pair: &str) -> Result<(), ApiError> {
    accounts.admit("1", Some(from), &basic(pair)).await.map(drop)
}

#[tokio::test]
async fn a_hash_stands_where_a_password_may() {
    let accounts = with_a_hash();
    for (pair, expected) in [
        ("plain:right", Ok(())),
        ("hashed:right", Ok(())),
        ("hashed:right", Ok(())),
        ("hashed:wrong", Err(ApiError::Unauthorized)),
        ("nobody:right", Err(ApiError::Unauthorized)),
        ("plain:wrong", Err(ApiError::Unauthorized)),
    ] {
        assert_eq!(admitted(&accounts, source(1), pair).await, expected, "{pair}");
    }
    let foreign = accounts.admit("2", Some(source(1)), &basic("hashed:right")).await;
    assert_eq!(foreign, Err(ApiError::Unauthorized));
}

#[tokio::test]
async fn the_hash_itself_is_no_password() {
    let hash = crate::hash_password(b"right").unwrap();
    let user = Credential { account: "1".parse().unwrap(), user: "a".into(), password: hash.clone() };
    let shown = admitted(&Accounts::new([user]), source(1), &format!("a:{hash}")).await;
    assert_eq!(shown, Err(ApiError::Unauthorized));
}

#[tokio::test]
async fn a_malformed_hash_lets_nobody_in() {
    let user = Credential { account: "1".parse().unwrap(), user: "a".into(), password: "$argon2id".into() };
    let shown = admitted(&Accounts::new([user]), source(1), "a:$argon2id").await;
    assert_eq!(shown, Err(ApiError::Unauthorized));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_failed_too_often_waits_and_known_good_credentials_pass() {
    let accounts = with_a_hash();
    assert_eq!(admitted(&accounts, source(1), "hashed:right").await, Ok(()));
    for _ in 0..10 {
        assert_eq!(admitted(&accounts, source(1), "plain:wrong").await, Err(ApiError::Unauthorized));
    }
    let wait = |secs| Err(ApiError::TooManyRequests { retry_after: Duration::from_secs(secs) });
    // Also good ones, when they never came from here: nobody learns that a guess was right.
    for pair in ["plain:wrong", "plain:right", "hashed:wrong"] {
        assert_eq!(admitted(&accounts, source(1), pair).await, wait(3), "{pair}");
    }
    assert_eq!(admitted(&accounts, source(1), "hashed:right").await, Ok(()));
    assert_eq!(admitted(&accounts, source(2), "plain:right").await, Ok(()));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(admitted(&accounts, source(1), "plain:right").await, wait(2));
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(admitted(&accounts, source(1), "plain:right").await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn good_logins_are_no_failures() {
    let accounts = with_a_hash();
    for last in 0..50 {
        assert_eq!(admitted(&accounts, source(last), "plain:right").await, Ok(()));
        assert_eq!(admitted(&accounts, source(1), "plain:right").await, Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_has_a_rate_and_twice_that_at_once() {
    let accounts = with_a_hash().with_account_rate(NonZeroU32::new(2).unwrap());
    for _ in 0..4 {
        assert_eq!(admitted(&accounts, source(1), "plain:right").await, Ok(()));
    }
    let refused = Err(ApiError::TooManyRequests { retry_after: Duration::from_millis(500) });
    assert_eq!(admitted(&accounts, source(2), "plain:right").await, refused);
    tokio::time::advance(Duration::from_millis(500)).await;
    assert_eq!(admitted(&accounts, source(1), "plain:right").await, Ok(()));
    assert_eq!(admitted(&accounts, source(1), "plain:right").await, refused);
}
