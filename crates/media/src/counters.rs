//! Things that are counted because they are too many to log.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counts since the start of the process; read from any thread.
        #[derive(Debug, Default)]
        pub struct Counters { $($(#[$doc])* pub(crate) $name: Counter,)* }

        /// What [`Counters`] stood at.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct CounterValues { $($(#[$doc])* pub $name: u64,)* }

        impl Counters {
            /// The counts now.
            pub fn values(&self) -> CounterValues {
                CounterValues { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Datagrams that came in.
    datagrams_received,
    /// Datagrams that went out.
    datagrams_sent,
    /// Datagrams that the socket did not take.
    datagrams_not_sent,
    /// Packets that a TCP connection did not take, because it was gone or did not keep up.
    packets_not_sent_over_tcp,
    /// Datagrams from sources that never proved themselves, or in no known format.
    datagrams_dropped,
    /// RTP packets that came in on published tracks.
    packets_received,
    /// RTP packets written to subscribers.
    packets_forwarded,
    /// RTP packets of tracks that are not published or not allowed.
    packets_refused,
    /// Offers that no answer came to.
    offers_unanswered,
    /// Devices closed because nobody read their events.
    devices_stuck,
}

/// One count.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }
}
