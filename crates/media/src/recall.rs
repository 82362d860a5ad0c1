//! Calling a client back whose publish path was lost.
//!
//! A client that gives its path up while its signalling is down makes one offer that reaches nobody, and never another.
//! But it takes a check that comes in from the far side, under the names and the password that both still know, as a new
//! pair (RFC 8445 section 7.3.1.3), and checks it in its turn: the path is up again, without a word of signalling. So this
//! end, although it is ICE lite and otherwise only answers, sends such checks when the client's signalling comes back.
//!
//! They go to addresses that proved themselves before, and they are few. A client that was reached over TCP can't be
//! called back: the connection was the client's to make.

use std::time::{Duration, Instant};

use str0m::ice::{StunMessage, TransId};

use crate::ice_key::hmac_sha1;

/// How often the client is called; it answers within a round trip if it hears.
const CHECK_EVERY: Duration = Duration::from_millis(500);
/// After so many checks nobody is there, or the client's address has changed.
const CHECKS_MAX: u32 = 20;
/// Room for a check: a header, two user names, integrity and fingerprint.
const CHECK_LEN_MAX: usize = 640;
/// That of a peer-reflexive candidate (RFC 8445 section 5.1.2.1).
const PRIORITY: u32 = 110 << 24 | 0xffff << 8 | 0xff;
/// ICE lite is always controlled: nobody compares this.
const TIE_BREAKER: u64 = 0;

/// The far side's ICE credentials, as in its last offer.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RemoteCredentials {
    pub(crate) ufrag: String,
    pub(crate) password: String,
}

/// Checks that are being sent.
#[derive(Debug)]
pub(crate) struct Recall {
    next: Instant,
    left: u32,
}

impl std::fmt::Debug for RemoteCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteCredentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

impl Recall {
    pub(crate) fn begin(now: Instant) -> Self {
        Self { next: now, left: CHECKS_MAX }
    }

    /// When [`Recall::poll_check`] is due; `None` when the client has been called often enough.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        (self.left > 0).then_some(self.next)
    }

    /// The next check, if it is due.
    pub(crate) fn poll_check(
        &mut self,
        remote: &RemoteCredentials,
        local_ufrag: &str,
        now: Instant,
    ) -> Option<Vec<u8>> {
        self.timeout().filter(|at| now >= *at)?;
        self.next = now + CHECK_EVERY;
        self.left -= 1;
        let username = format!("{}:{local_ufrag}", remote.ufrag);
        let request =
            StunMessage::binding_request(&username, TransId::new(), false, TIE_BREAKER, PRIORITY, false);
        let mut buffer = [0; CHECK_LEN_MAX];
        let len = request.to_bytes(Some(remote.password.as_bytes()), &mut buffer, hmac_sha1).ok()?;
        buffer.get(..len).map(<[u8]>::to_vec)
    }
}
