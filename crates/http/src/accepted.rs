//! Credentials that were found to be good before.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand::SystemRandom;

use crate::source::Source;

/// The most credentials that are remembered; there are seldom more users.
const CREDENTIALS_MAX: usize = 10_000;
/// The most sources that are remembered for one of them.
const SOURCES_MAX: usize = 1_000;

/// What is kept of credentials: worthless without the key, which is random and ends with the process.
pub(crate) type Mark = [u8; 32];

/// Good credentials and where they came from.
pub(crate) struct Accepted {
    key: hmac::Key,
    /// Held for a look-up only, never while waiting.
    marks: Mutex<HashMap<Mark, HashSet<Source>>>,
}

impl std::fmt::Debug for Accepted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Accepted(…)")
    }
}

impl Accepted {
    pub(crate) fn new() -> Self {
        let key = hmac::Key::generate(HMAC_SHA256, &SystemRandom::new());
        let key = key.expect("the generator of aws-lc ends the process rather than failing");
        Self { key, marks: Mutex::default() }
    }

    pub(crate) fn mark(&self, credentials: &[u8]) -> Mark {
        let mut mark = [0; 32];
        mark.copy_from_slice(hmac::sign(&self.key, credentials).as_ref());
        mark
    }

    /// Whether these credentials were good before.
    pub(crate) fn knows(&self, mark: &Mark) -> bool {
        self.lock().contains_key(mark)
    }

    /// Whether these credentials were good before, when they came from this source.
    pub(crate) fn knows_from(&self, mark: &Mark, source: Source) -> bool {
        self.lock().get(mark).is_some_and(|sources| sources.contains(&source))
    }

    pub(crate) fn remember(&self, mark: Mark, source: Source) {
        let mut marks = self.lock();
        if marks.len() >= CREDENTIALS_MAX && !marks.contains_key(&mark) {
            marks.clear();
        }
        let sources = marks.entry(mark).or_default();
        if sources.len() >= SOURCES_MAX {
            sources.clear();
        }
        sources.insert(source);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Mark, HashSet<Source>>> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
