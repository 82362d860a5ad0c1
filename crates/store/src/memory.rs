//! A store that forgets everything with the process.

use std::collections::HashMap;

use crosspoint_ids::{ParticipantId, SessionId};
use crosspoint_model::{Change, ParticipantRecord, SessionRecord};

use crate::{Records, Store, StoreError};

/// Records in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    sessions: HashMap<SessionId, SessionRecord>,
    participants: HashMap<ParticipantId, ParticipantRecord>,
}

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Records, StoreError> {
        let mut records = Records {
            sessions: self.sessions.values().cloned().collect(),
            participants: self.participants.values().cloned().collect(),
        };
        records.sessions.sort_by_key(|record| record.sequence);
        records.participants.sort_by_key(|record| record.sequence);
        Ok(records)
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        for change in changes {
            match change {
                Change::PutSession(record) => {
                    self.sessions.insert(record.id, record.clone());
                }
                Change::DeleteSession(id) => {
                    self.sessions.remove(id);
                }
                Change::PutParticipant(record) => {
                    self.participants.insert(record.id, record.clone());
                }
                Change::DeleteParticipant(id) => {
                    self.participants.remove(id);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crosspoint_ids::Timestamp;

    use super::*;

    fn session(digit: u8, sequence: u64) -> SessionRecord {
        SessionRecord {
            account: "9900000".parse().unwrap(),
            id: format!("00000000-0000-4000-8000-00000000000{digit}").parse().unwrap(),
            tag: None,
            sequence,
            created_at: Timestamp::from_millis(1),
            expires_at: Timestamp::from_millis(2),
        }
    }

    #[test]
    fn what_was_committed_is_loaded_in_order() {
        let mut store = MemoryStore::default();
        let (first, second) = (session(1, 1), session(2, 2));
        let changes = [Change::PutSession(second.clone()), Change::PutSession(first.clone())];
        store.commit(&changes).unwrap();
        assert_eq!(store.load().unwrap().sessions, [first.clone(), second.clone()]);
        store.commit(&[Change::DeleteSession(first.id)]).unwrap();
        assert_eq!(store.load().unwrap().sessions, [second]);
    }
}
