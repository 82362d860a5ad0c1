//! Passwords that are stored as argon2 hashes (RFC 9106) in PHC form.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

/// What every argon2 hash in PHC form begins with.
const PREFIX: &str = "$argon2";
/// The most memory of one verification, in KiB: 256 MiB.
const MEMORY_MAX: u32 = 256 * 1_024;
/// The most passes over the memory.
const PASSES_MAX: u32 = 10;
/// The most lanes. They are worked on one after the other.
const LANES_MAX: u32 = 4;
/// How many verifications run at one time; each takes a processor and the memory that its hash names.
const RUNNING_MAX: usize = 2;
/// How many may wait for that.
const WAITING_MAX: usize = 64;

/// Why a text can't stand where a hash may. None of it tells what the text was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordHashError {
    /// It begins like a hash and isn't one.
    #[error("a password that begins with $argon2 must be an argon2 hash in PHC form with salt and hash")]
    Malformed,
    /// It is empty, or the system gives no random numbers for its salt.
    #[error("this password can't be hashed: it must not be empty")]
    Unhashable,
    /// Verifying it would take too much.
    #[error("an argon2 hash may ask for m={MEMORY_MAX} (KiB), t={PASSES_MAX} and p={LANES_MAX} at most")]
    TooExpensive,
}

/// Whether a password is a hash of one. One that begins like a hash has to be one.
///
/// # Errors
/// It begins like a hash, and it is malformed or too expensive to verify.
pub fn check_password(password: &str) -> Result<(), PasswordHashError> {
    Stored::read(password).map(drop)
}

/// An argon2id hash of a password with a random salt, in PHC form: what `--account` takes in the password's place.
/// It takes 19 MiB and two passes (the OWASP recommendation).
///
/// # Errors
/// The password is empty or longer than argon2 allows, or the system gives no random numbers.
pub fn hash_password(password: &[u8]) -> Result<String, PasswordHashError> {
    if password.is_empty() {
        return Err(PasswordHashError::Unhashable);
    }
    let hash = Argon2::default().hash_password(password);
    hash.map(|hash| hash.to_string()).map_err(|_| PasswordHashError::Unhashable)
}

/// A password as it is configured.
#[derive(Clone)]
pub(crate) enum Stored {
    Plain,
    Hash(Box<Phc>),
}

impl Stored {
    pub(crate) fn read(password: &str) -> Result<Self, PasswordHashError> {
        if !password.starts_with(PREFIX) {
            return Ok(Self::Plain);
        }
        let hash = Phc::new(password).map_err(|_| PasswordHashError::Malformed)?;
        let params = Params::try_from(&hash).map_err(|_| PasswordHashError::Malformed)?;
        let known = Algorithm::try_from(hash.algorithm.as_str()).is_ok();
        if !known || hash.salt.is_none() || hash.hash.is_none() {
            return Err(PasswordHashError::Malformed);
        }
        if params.m_cost() > MEMORY_MAX || params.t_cost() > PASSES_MAX || params.p_cost() > LANES_MAX {
            return Err(PasswordHashError::TooExpensive);
        }
        Ok(Self::Hash(Box::new(hash)))
    }
}

/// Too many verifications wait already.
#[derive(Debug)]
pub(crate) struct Busy;

/// Verifies passwords, a few at a time, on threads that may block.
#[derive(Debug, Clone)]
pub(crate) struct Verifier {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Verifier {
    pub(crate) fn new() -> Self {
        Self {
            running: Arc::new(Semaphore::new(RUNNING_MAX)),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
        }
    }

    /// Whether the password has one of these hashes.
    pub(crate) async fn verify(&self, password: Vec<u8>, hashes: Vec<Phc>) -> Result<bool, Busy> {
        let place = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| Busy)?;
        let turn = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Busy)?;
        let work = move || {
            // Kept until the work is done, also when nobody waits for it any more.
            let _kept = (place, turn);
            // Every hash is worked on, whichever is the right one.
            let right = |hash: &&Phc| Argon2::default().verify_password(&password, *hash).is_ok();
            hashes.iter().filter(right).count() > 0
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_hashes_within_bounds_are_taken() {
        let hash = "$c29tZXNhbHQ$MDEyMzQ1Njc4OTAxMjM0NQ";
        for (password, expected) in [
            ("plain".to_owned(), Ok(())),
            ("$2b$12$plain".to_owned(), Ok(())),
            (format!("$argon2id$v=19$m=19456,t=2,p=1{hash}"), Ok(())),
            (format!("$argon2i$m=64,t=1,p=1{hash}"), Ok(())),
            (format!("$argon2id$v=19$m=262144,t=10,p=4{hash}"), Ok(())),
            (format!("$argon2id$v=19$m=262145,t=2,p=1{hash}"), Err(PasswordHashError::TooExpensive)),
            (format!("$argon2id$v=19$m=64,t=11,p=1{hash}"), Err(PasswordHashError::TooExpensive)),
            (format!("$argon2id$v=19$m=64,t=1,p=5{hash}"), Err(PasswordHashError::TooExpensive)),
            (format!("$argon2x$v=19$m=64,t=1,p=1{hash}"), Err(PasswordHashError::Malformed)),
            ("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ".to_owned(), Err(PasswordHashError::Malformed)),
            ("$argon2id$v=19$m=64,t=1,p=1".to_owned(), Err(PasswordHashError::Malformed)),
            ("$argon2id".to_owned(), Err(PasswordHashError::Malformed)),
            ("$argon2".to_owned(), Err(PasswordHashError::Malformed)),
        ] {
            assert_eq!(check_password(&password), expected, "{password}");
        }
    }

    #[test]
    fn a_new_hash_is_one_that_is_taken() {
        let hash = hash_password("straße".as_bytes()).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(check_password(&hash), Ok(()));
        assert_ne!(hash, hash_password("straße".as_bytes()).unwrap());
        assert!(hash_password(b"").is_err());
    }
}
