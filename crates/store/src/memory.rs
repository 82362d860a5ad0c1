//! A store that forgets everything with the process.

use std::collections::{BTreeMap, HashMap};

use crosspoint_ids::{AccountId, ParticipantId, SessionId};
use crosspoint_model::{Change, IdempotencyKey, IdempotencyRecord, ParticipantRecord, SessionRecord};

use crate::{DeliveryRecord, DeviceRecord, Records, Store, StoreError, Write};

/// Records in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    sessions: HashMap<SessionId, SessionRecord>,
    participants: HashMap<ParticipantId, ParticipantRecord>,
    idempotency: HashMap<(AccountId, IdempotencyKey), IdempotencyRecord>,
    devices: HashMap<ParticipantId, DeviceRecord>,
    deliveries: BTreeMap<u64, DeliveryRecord>,
}

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Records, StoreError> {
        let mut records = Records {
            sessions: self.sessions.values().cloned().collect(),
            participants: self.participants.values().cloned().collect(),
            idempotency: self.idempotency.values().cloned().collect(),
            devices: self.devices.values().cloned().collect(),
            deliveries: self.deliveries.values().cloned().collect(),
        };
        records.sessions.sort_by_key(|record| record.sequence);
        records.participants.sort_by_key(|record| record.sequence);
        Ok(records)
    }

    fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        for write in writes {
            match write {
                Write::Model(change) => self.change(change),
                Write::PutDevice(record) => {
                    self.devices.insert(record.participant, record.clone());
                }
                Write::DeleteDevice(participant) => {
                    self.devices.remove(participant);
                }
                Write::PutDelivery(record) => {
                    self.deliveries.insert(record.id, record.clone());
                }
                Write::DeleteDelivery(id) => {
                    self.deliveries.remove(id);
                }
            }
        }
        Ok(())
    }
}

impl MemoryStore {
    fn change(&mut self, change: &Change) {
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
            Change::PutIdempotency(record) => {
                self.idempotency.insert((record.account.clone(), record.key.clone()), record.clone());
            }
            Change::DeleteIdempotency(account, key) => {
                self.idempotency.remove(&(account.clone(), key.clone()));
            }
        }
    }
}
