//! Who may use which account (HTTP Basic, RFC 7617).

use std::collections::HashSet;
use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use crosspoint_ids::AccountId;
use subtle::{Choice, ConstantTimeEq};

use crate::error::ApiError;

/// The longest `Authorization` header that is looked at, in bytes.
const AUTHORIZATION_LEN_MAX: usize = 4_096;
/// Some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

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
        f.debug_struct("Credential")
            .field("account", &self.account)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// All credentials, as digests, and which accounts are disabled.
///
/// Checking takes the same time whether the account, the user or the password is wrong: what was sent is digested
/// together with the account that was asked for, and compared with all that is stored.
#[derive(Clone)]
pub struct Accounts {
    stored: Vec<Digest>,
    disabled: HashSet<AccountId>,
}

type Digest = [u8; 32];

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts")
            .field("users", &self.stored.len())
            .field("disabled", &self.disabled)
            .finish()
    }
}

impl Accounts {
    /// From everybody who may use an account.
    pub fn new(credentials: impl IntoIterator<Item = Credential>) -> Self {
        let stored = credentials.into_iter().map(|credential| {
            let pair = format!("{}:{}", credential.user, credential.password);
            digest_of(credential.account.as_str(), pair.as_bytes())
        });
        Self { stored: stored.collect(), disabled: HashSet::new() }
    }

    /// The same, but these accounts are disabled: good credentials are told so, others are not.
    pub fn with_disabled(self, disabled: impl IntoIterator<Item = AccountId>) -> Self {
        Self { disabled: disabled.into_iter().collect(), ..self }
    }

    /// The account, if these headers carry credentials for it.
    pub(crate) fn admit(&self, account: &str, headers: &HeaderMap) -> Result<AccountId, ApiError> {
        if !self.knows(account, headers) {
            return Err(ApiError::Unauthorized);
        }
        let account = account.parse().map_err(|_| ApiError::Unauthorized)?;
        if self.disabled.contains(&account) {
            return Err(ApiError::AccountDisabled);
        }
        Ok(account)
    }

    fn knows(&self, account: &str, headers: &HeaderMap) -> bool {
        let pair = basic_pair(headers).unwrap_or_default();
        // Most clients send UTF-8, some Latin-1 (RFC 7617 section 2.1 leaves it open).
        let as_latin_1: String = pair.iter().map(|byte| char::from(*byte)).collect();
        let shown = [digest_of(account, &pair), digest_of(account, as_latin_1.as_bytes())];
        let mut known = Choice::from(0);
        for stored in &self.stored {
            for shown in &shown {
                known |= stored.ct_eq(shown);
            }
        }
        known.into()
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
    BASE64.decode(encoded.trim_ascii()).ok().filter(|pair| pair.contains(&b':'))
}

#[cfg(test)]
mod tests {
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

    fn check(account: &str, authorization: Option<&str>, expected: Result<(), ApiError>) {
        let value = authorization.map(|value| (header::AUTHORIZATION, value.parse().unwrap()));
        let admitted = accounts().admit(account, &HeaderMap::from_iter(value));
        let expected = expected.map(|()| account.parse().unwrap());
        assert_eq!(admitted, expected, "{account} {authorization:?}");
    }

    #[test]
    fn only_the_accounts_own_users_are_admitted() {
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
            check(account, Some(&format!("Basic {}", BASE64.encode(pair))), expected);
        }
    }

    #[test]
    fn the_header_may_be_written_in_any_common_way() {
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
            check("1", authorization, expected);
        }
    }

    #[test]
    fn debug_output_shows_no_password() {
        let credential =
            Credential { account: "1".parse().unwrap(), user: "a".into(), password: "hidden".into() };
        let shown = format!("{credential:?} {:?}", Accounts::new([credential.clone()]));
        assert!(!shown.contains("hidden"), "{shown}");
    }
}
