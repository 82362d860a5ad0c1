//! Who may use which account (HTTP Basic, RFC 7617).

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crosspoint_ids::AccountId;
use subtle::{Choice, ConstantTimeEq};

/// The longest `Authorization` header that is looked at, in bytes.
const AUTHORIZATION_LEN_MAX: usize = 1_024;

/// A user of an account.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The account.
    pub account: AccountId,
    /// The user's name, without a colon.
    pub user: String,
    /// The user's password.
    pub password: String,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("account", &self.account).field("user", &self.user).finish_non_exhaustive()
    }
}

/// All credentials, as digests.
///
/// Checking takes the same time whether the account, the user or the password is wrong: what was sent is digested
/// together with the account that was asked for, and compared with all that is stored.
#[derive(Clone)]
pub struct Accounts {
    stored: Vec<Digest>,
}

type Digest = [u8; 32];

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("users", &self.stored.len()).finish()
    }
}

impl Accounts {
    /// From everybody who may use an account.
    pub fn new(credentials: impl IntoIterator<Item = Credential>) -> Self {
        let stored = credentials.into_iter().map(|credential| {
            let pair = format!("{}:{}", credential.user, credential.password);
            digest_of(credential.account.as_str(), pair.as_bytes())
        });
        Self { stored: stored.collect() }
    }

    /// Whether these headers carry credentials for this account.
    pub(crate) fn allow(&self, account: &str, headers: &HeaderMap) -> bool {
        let pair = basic_pair(headers).unwrap_or_default();
        // Most clients send UTF-8, some Latin-1 (RFC 7617 section 2.1 leaves it open).
        let as_latin_1: String = pair.iter().map(|byte| char::from(*byte)).collect();
        let shown = [digest_of(account, &pair), digest_of(account, as_latin_1.as_bytes())];
        let mut allowed = Choice::from(0);
        for stored in &self.stored {
            for shown in &shown {
                allowed |= stored.ct_eq(shown);
            }
        }
        allowed.into()
    }
}

fn digest_of(account: &str, pair: &[u8]) -> Digest {
    // The length in front keeps account and pair apart.
    let mut text = account.len().to_be_bytes().to_vec();
    text.extend_from_slice(account.as_bytes());
    text.extend_from_slice(pair);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, &text).as_ref());
    bytes
}

/// What stands behind `Basic`, decoded: user, colon, password.
fn basic_pair(headers: &HeaderMap) -> Option<Vec<u8>> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    if value.len() > AUTHORIZATION_LEN_MAX {
        return None;
    }
    let (scheme, encoded) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    STANDARD.decode(encoded.trim_ascii()).ok().filter(|pair| pair.contains(&b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pair: &[u8]) -> HeaderMap {
        let value = format!("Basic {}", STANDARD.encode(pair));
        HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn only_the_accounts_own_users_are_allowed() {
        let user = |account: &str, user: &str, password: &str| Credential {
            account: account.parse().unwrap(),
            user: user.into(),
            password: password.into(),
        };
        let accounts = Accounts::new([user("1", "a", "x:y"), user("1", "b", "z"), user("2", "ü", "ß")]);
        for (account, pair, allowed) in [
            ("1", &b"a:x:y"[..], true),
            ("1", b"b:z", true),
            ("2", "ü:ß".as_bytes(), true),
            ("2", b"\xfc:\xdf", true),
            ("2", b"a:x:y", false),
            ("3", b"a:x:y", false),
            ("1", b"a:x", false),
            ("1", b"", false),
            ("", b"1a:x:y", false),
        ] {
            assert_eq!(accounts.allow(account, &headers(pair)), allowed, "{account} {pair:?}");
        }
        assert!(!accounts.allow("1", &HeaderMap::new()));
        assert!(!format!("{accounts:?}").contains('z'));
    }
}
