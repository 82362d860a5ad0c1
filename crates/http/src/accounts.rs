//! Who may use which account (HTTP Basic, RFC 7617).

use std::collections::HashSet;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash as Phc;
use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use crosspoint_ids::AccountId;
use subtle::{Choice, ConstantTimeEq};
use tokio::time::Instant;

use crate::accepted::Accepted;
use crate::error::ApiError;
use crate::failed_logins::FailedLogins;
use crate::password::{Busy, Stored, Verifier};
use crate::rate::{Buckets, Wait};
use crate::source::Source;

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
    /// The user's password, or an argon2 hash of it in PHC form.
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

/// All credentials, which accounts are disabled, and how often all may ask.
///
/// Checking takes the same time whether the account, the user or the password is wrong: what was sent is digested
/// together with the account that was asked for, and compared with all that is stored. While any password is stored
/// as an argon2 hash, whatever fails costs the verification of one, also for a user whom nobody knows.
#[derive(Clone)]
pub struct Accounts {
    plain: Vec<Digest>,
    /// User and hash.
    hashed: Vec<(Digest, Phc)>,
    disabled: HashSet<AccountId>,
    failed: FailedLogins,
    accepted: Arc<Accepted>,
    verifier: Verifier,
    requests: Option<Requests>,
}

type Digest = [u8; 32];

/// Requests of each account. Held for a look-up only, never while waiting.
type Requests = Arc<Mutex<Buckets<AccountId>>>;

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts")
            .field("users", &(self.plain.len() + self.hashed.len()))
            .field("disabled", &self.disabled)
            .finish_non_exhaustive()
    }
}

impl Accounts {
    /// From everybody who may use an account. A password that [`check_password`](crate::check_password) refuses
    /// lets nobody in.
    pub fn new(credentials: impl IntoIterator<Item = Credential>) -> Self {
        let (mut plain, mut hashed) = (Vec::new(), Vec::new());
        for Credential { account, user, password } in credentials {
            match Stored::read(&password) {
                Ok(Stored::Plain) => {
                    plain.push(digest_of(account.as_str(), format!("{user}:{password}").as_bytes()));
                }
                Ok(Stored::Hash(hash)) => {
                    hashed.push((digest_of(account.as_str(), user.as_bytes()), *hash));
                }
                Err(error) => tracing::error!(%account, user, %error, "a user can't log in"),
            }
        }
        Self {
            plain,
            hashed,
            disabled: HashSet::new(),
            failed: FailedLogins::default(),
            accepted: Arc::new(Accepted::new()),
            verifier: Verifier::new(),
            requests: None,
        }
    }

    /// The same, but these accounts are disabled: good credentials are told so, others are not.
    pub fn with_disabled(self, disabled: impl IntoIterator<Item = AccountId>) -> Self {
        Self { disabled: disabled.into_iter().collect(), ..self }
    }

    /// The same, but failures are counted here, together with those of others who use it.
    pub fn with_failed_logins(self, failed: FailedLogins) -> Self {
        Self { failed, ..self }
    }

    /// The same, but each account may make only so many requests a second, and twice as many at once.
    pub fn with_account_rate(self, per_second: NonZeroU32) -> Self {
        let buckets =
            Buckets::new(Duration::from_secs(1) / per_second.get(), per_second.get().saturating_mul(2));
        Self { requests: Some(Arc::new(Mutex::new(buckets))), ..self }
    }

    /// The account, if these headers carry credentials for it and it has not asked too often.
    pub(crate) async fn admit(
        &self,
        account: &str,
        source: Option<Source>,
        headers: &HeaderMap,
    ) -> Result<AccountId, ApiError> {
        let pair = basic_pair(headers).ok_or(ApiError::Unauthorized)?;
        match source {
            Some(source) => self.log_in(account, &pair, source).await?,
            None => self.verify(account, &pair).await?,
        }
        let account: AccountId = account.parse().map_err(|_| ApiError::Unauthorized)?;
        if self.disabled.contains(&account) {
            return Err(ApiError::AccountDisabled);
        }
        if let Some(requests) = &self.requests {
            let mut requests = requests.lock().unwrap_or_else(PoisonError::into_inner);
            let taken = requests.take(Instant::now(), account.clone());
            taken.map_err(|Wait(time)| ApiError::TooManyRequests { retry_after: time })?;
        }
        Ok(account)
    }

    /// Nothing is verified for a source that failed too often, or it could go on guessing. What was good from the
    /// same source before is let in all the same: somebody else's guessing, behind the same address, doesn't lock
    /// an application out.
    async fn log_in(&self, account: &str, pair: &[u8], source: Source) -> Result<(), ApiError> {
        let mark = self.accepted.mark(&digest_of(account, pair));
        if self.accepted.knows_from(&mark, source) {
            return Ok(());
        }
        self.failed.count(source).map_err(|retry_after| ApiError::TooManyRequests { retry_after })?;
        let verified = match self.accepted.knows(&mark) {
            true => Ok(()),
            false => self.verify(account, pair).await,
        };
        if verified != Err(ApiError::Unauthorized) {
            self.failed.discount(source);
        }
        if verified.is_ok() {
            self.accepted.remember(mark, source);
        }
        verified
    }

    async fn verify(&self, account: &str, pair: &[u8]) -> Result<(), ApiError> {
        // Most clients send UTF-8, some Latin-1 (RFC 7617 section 2.1 leaves it open).
        let text = match std::str::from_utf8(pair) {
            Ok(text) => text.to_owned(),
            Err(_) => pair.iter().map(|byte| char::from(*byte)).collect(),
        };
        if self.is_plain(account, &text) || self.is_hashed(account, &text).await? {
            return Ok(());
        }
        Err(ApiError::Unauthorized)
    }

    fn is_plain(&self, account: &str, pair: &str) -> bool {
        let shown = digest_of(account, pair.as_bytes());
        let known = self.plain.iter().fold(Choice::from(0), |known, stored| known | stored.ct_eq(&shown));
        known.into()
    }

    async fn is_hashed(&self, account: &str, pair: &str) -> Result<bool, ApiError> {
        let Some((_, any)) = self.hashed.first() else { return Ok(false) };
        let Some((user, password)) = pair.split_once(':') else { return Ok(false) };
        let shown = digest_of(account, user.as_bytes());
        let of_user = self.hashed.iter().filter(|(stored, _)| stored.ct_eq(&shown).into());
        let mut hashes: Vec<Phc> = of_user.map(|(_, hash)| hash.clone()).collect();
        let known = !hashes.is_empty();
        if !known {
            // Somebody else's, for its time alone.
            hashes.push(any.clone());
        }
        let right = self.verifier.verify(password.as_bytes().to_vec(), hashes).await;
        let right =
            right.map_err(|Busy| ApiError::TooManyRequests { retry_after: Duration::from_secs(1) })?;
        Ok(known && right)
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
#[path = "accounts_tests.rs"]
mod tests;
