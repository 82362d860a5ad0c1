//! How often a source may show credentials that are not good.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::rate::{Buckets, Wait};
use crate::source::Source;

/// Failures of one source before it has to wait.
const BURST: u32 = 10;
/// After how long one more is allowed.
const EVERY: Duration = Duration::from_secs(3);

/// Failed logins of each source, whatever they were shown for: passwords and device tokens count together.
#[derive(Debug, Clone)]
pub struct FailedLogins {
    /// Held for a look-up only, never while waiting.
    buckets: Arc<Mutex<Buckets<Source>>>,
}

impl Default for FailedLogins {
    fn default() -> Self {
        Self { buckets: Arc::new(Mutex::new(Buckets::new(EVERY, BURST))) }
    }
}

impl FailedLogins {
    /// Counts a failure before it is known to be one, so that many attempts at the same time don't all pass.
    ///
    /// # Errors
    /// The source has failed too often: after this time it may try again.
    pub fn count(&self, source: Source) -> Result<(), Duration> {
        self.lock().take(Instant::now(), source).map_err(|Wait(time)| time)
    }

    /// It was none.
    pub fn discount(&self, source: Source) {
        self.lock().give_back(&source);
    }

    fn lock(&self) -> MutexGuard<'_, Buckets<Source>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
