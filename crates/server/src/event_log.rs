//! The latest events of each account, and who listens to them.
//!
//! In memory: after a restart listeners are told that they may have missed something. A listener that does not keep up is
//! dropped; it comes back with the last id it saw and gets the rest from here.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crosspoint_http::{EventId, ListenRefusal, Listening, ToldEvent};
use crosspoint_ids::{AccountId, Timestamp};
use crosspoint_model::Event;
use tokio::sync::mpsc;

/// How many events of an account are kept: some minutes of a busy one.
const EVENTS_KEPT_MAX: usize = 4_096;
/// The most listeners of one account.
const LISTENERS_MAX: usize = 32;
/// Events that may wait for a listener.
const WAITING_MAX: usize = 256;

/// All accounts' events.
#[derive(Debug)]
pub(crate) struct EventLog {
    /// Tells this process from others: an id of another one says nothing here.
    epoch: u64,
    accounts: HashMap<AccountId, AccountLog>,
}

#[derive(Debug, Default)]
struct AccountLog {
    last: u64,
    kept: VecDeque<ToldEvent>,
    listeners: Vec<mpsc::Sender<ToldEvent>>,
}

impl EventLog {
    pub(crate) fn new(started: Timestamp) -> Self {
        Self { epoch: started.as_millis(), accounts: HashMap::new() }
    }

    pub(crate) fn tell(&mut self, now: Timestamp, event: Event) {
        let log = self.accounts.entry(event.account.clone()).or_default();
        log.last += 1;
        let id = EventId { epoch: self.epoch, sequence: log.last };
        let told = ToldEvent { id, at: now, event: Arc::new(event) };
        log.listeners.retain(|listener| listener.try_send(told.clone()).is_ok());
        log.kept.push_back(told);
        if log.kept.len() > EVENTS_KEPT_MAX {
            log.kept.pop_front();
        }
    }

    /// All events after this id, or those to come.
    pub(crate) fn listen(
        &mut self,
        account: AccountId,
        after: Option<EventId>,
    ) -> Result<Listening, ListenRefusal> {
        let log = self.accounts.entry(account).or_default();
        log.listeners.retain(|listener| !listener.is_closed());
        if log.listeners.len() >= LISTENERS_MAX {
            return Err(ListenRefusal::TooMany { max: LISTENERS_MAX });
        }
        let oldest = log.kept.front().map_or(log.last + 1, |told| told.id.sequence);
        let known = |after: &EventId| {
            after.epoch == self.epoch && (oldest..=log.last + 1).contains(&(after.sequence + 1))
        };
        let complete = after.as_ref().is_none_or(known);
        let earlier = match after.filter(known) {
            Some(after) => {
                log.kept.iter().filter(|told| told.id.sequence > after.sequence).cloned().collect()
            }
            None => Vec::new(),
        };
        let (sender, live) = mpsc::channel(WAITING_MAX);
        log.listeners.push(sender);
        let now = EventId { epoch: self.epoch, sequence: log.last };
        Ok(Listening { complete, now, earlier, live })
    }
}

#[cfg(test)]
mod tests {
    use crosspoint_ids::SessionId;
    use crosspoint_model::Happening;
    use uuid::Uuid;

    use super::*;

    fn account() -> AccountId {
        "1".parse().unwrap()
    }

    fn tell(log: &mut EventLog, number: u128) {
        let session = SessionId::new(Uuid::from_u128(number));
        let happening = Happening::SessionCreated { session, tag: None };
        log.tell(Timestamp::from_millis(7), Event { account: account(), happening });
    }

    fn sequences(listening: &Listening) -> Vec<u64> {
        listening.earlier.iter().map(|told| told.id.sequence).collect()
    }

    #[test]
    fn a_listener_gets_what_it_missed_and_what_comes() {
        let mut log = EventLog::new(Timestamp::from_millis(5));
        (1..=3).for_each(|number| tell(&mut log, number));
        let after = Some(EventId { epoch: 5, sequence: 1 });
        let mut listening = log.listen(account(), after).unwrap();
        assert!(listening.complete);
        assert_eq!(sequences(&listening), [2, 3]);
        tell(&mut log, 4);
        assert_eq!(listening.live.try_recv().unwrap().id.sequence, 4);
        let other = log.listen("2".parse().unwrap(), None).unwrap();
        assert!(other.complete && other.earlier.is_empty());
    }

    #[test]
    fn whoever_may_have_missed_something_is_told() {
        let mut log = EventLog::new(Timestamp::from_millis(5));
        for (after, complete) in [
            (None, true),
            (Some(EventId { epoch: 5, sequence: 0 }), true),
            (Some(EventId { epoch: 5, sequence: 1 }), false),
            (Some(EventId { epoch: 4, sequence: 0 }), false),
            (Some(EventId { epoch: 5, sequence: u64::MAX - 1 }), false),
        ] {
            assert_eq!(log.listen(account(), after).unwrap().complete, complete, "{after:?}");
        }
        (0..=EVENTS_KEPT_MAX as u128 + 1).for_each(|number| tell(&mut log, number));
        assert!(!log.listen(account(), Some(EventId { epoch: 5, sequence: 1 })).unwrap().complete);
        assert!(log.listen(account(), Some(EventId { epoch: 5, sequence: 2 })).unwrap().complete);
    }

    #[test]
    fn a_listener_that_does_not_keep_up_is_dropped_and_others_are_not_too_many() {
        let mut log = EventLog::new(Timestamp::from_millis(5));
        let mut slow = log.listen(account(), None).unwrap();
        (0..=WAITING_MAX as u128).for_each(|number| tell(&mut log, number));
        let got = std::iter::from_fn(|| slow.live.try_recv().ok()).count();
        assert_eq!(got, WAITING_MAX);
        assert!(slow.live.is_closed());
        let listening: Vec<_> = (0..LISTENERS_MAX).map(|_| log.listen(account(), None).unwrap()).collect();
        let refused = log.listen(account(), None).unwrap_err();
        assert_eq!(refused, ListenRefusal::TooMany { max: LISTENERS_MAX });
        drop(listening);
        assert!(log.listen(account(), None).is_ok());
    }
}
