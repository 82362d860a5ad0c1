//! What clients know of their devices and do not say again, as the store keeps it.
//!
//! A client that lost its socket, or whose server was started anew, comes back under the same `uniqueId` and sends
//! nothing. Its peer connection goes on with the m-lines that it was offered, in their order.

use std::collections::HashMap;

use crosspoint_ids::{DeviceId, ParticipantId};
use crosspoint_store::{DeviceRecord, LineKind, Presence, Write};

/// The record of each participant's device. Bounded by the number of participants.
#[derive(Debug, Default)]
pub(crate) struct DeviceRecords(HashMap<ParticipantId, DeviceRecord>);

impl DeviceRecords {
    pub(crate) fn new(records: Vec<DeviceRecord>) -> Self {
        Self(records.into_iter().map(|record| (record.participant, record)).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &DeviceRecord> {
        self.0.values()
    }

    /// The m-lines that a client of this name was offered before.
    pub(crate) fn lines(&self, participant: ParticipantId, unique_id: Option<&str>) -> &[LineKind] {
        let record = self.0.get(&participant);
        let same = record.filter(|record| unique_id.is_some() && record.unique_id.as_deref() == unique_id);
        same.map_or(&[], |record| &record.lines)
    }

    /// A device came; m-lines of a client of the same name are remembered.
    pub(crate) fn connect(
        &mut self,
        participant: ParticipantId,
        device: DeviceId,
        unique_id: Option<&str>,
    ) -> Write {
        let record = DeviceRecord {
            participant,
            device,
            unique_id: unique_id.map(str::to_owned),
            presence: Presence::Here,
            lines: self.lines(participant, unique_id).to_vec(),
        };
        self.0.insert(participant, record.clone());
        Write::PutDevice(record)
    }

    /// A device is about to be offered these m-lines. `None` when that is known already, or the device is not.
    pub(crate) fn set_lines(
        &mut self,
        participant: ParticipantId,
        device: DeviceId,
        lines: Vec<LineKind>,
    ) -> Option<Write> {
        let record = self.0.get_mut(&participant).filter(|record| record.device == device)?;
        if record.lines == lines {
            return None;
        }
        record.lines = lines;
        Some(Write::PutDevice(record.clone()))
    }

    /// A device was lost; its client may come back yet.
    pub(crate) fn lose(&mut self, participant: ParticipantId, device: DeviceId) -> Option<Write> {
        let record = self.0.get_mut(&participant).filter(|record| record.device == device)?;
        record.presence = Presence::Gone;
        Some(Write::PutDevice(record.clone()))
    }

    /// A device left for good.
    pub(crate) fn remove(&mut self, participant: ParticipantId, device: DeviceId) -> Option<Write> {
        self.0.get(&participant).filter(|record| record.device == device)?;
        self.forget(participant)
    }

    /// The participant has ended.
    pub(crate) fn forget(&mut self, participant: ParticipantId) -> Option<Write> {
        self.0.remove(&participant).map(|record| Write::DeleteDevice(record.participant))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const AUDIO_VIDEO: [LineKind; 2] = [LineKind::Audio, LineKind::Video];

    fn ids() -> (ParticipantId, DeviceId, DeviceId) {
        let id = Uuid::from_u128;
        (ParticipantId::new(id(1)), DeviceId::new(id(2)), DeviceId::new(id(3)))
    }

    #[test]
    fn a_client_that_was_lost_finds_its_lines_again_and_another_does_not() {
        let (participant, first, second) = ids();
        let mut records = DeviceRecords::default();
        records.connect(participant, first, Some("a"));
        assert!(records.set_lines(participant, first, AUDIO_VIDEO.to_vec()).is_some());
        assert_eq!(records.set_lines(participant, first, AUDIO_VIDEO.to_vec()), None);
        records.lose(participant, first);
        assert_eq!(records.lines(participant, Some("a")), AUDIO_VIDEO);
        assert_eq!(records.lines(participant, Some("b")), []);
        assert_eq!(records.lines(participant, None), []);
        records.connect(participant, second, Some("a"));
        assert_eq!(records.lines(participant, Some("a")), AUDIO_VIDEO);
        assert_eq!(records.set_lines(participant, first, Vec::new()), None, "about a device that is gone");
        assert_eq!(records.lose(participant, first), None);
    }

    #[test]
    fn clients_without_a_name_are_not_taken_for_each_other() {
        let (participant, first, second) = ids();
        let mut records = DeviceRecords::default();
        records.connect(participant, first, None);
        records.set_lines(participant, first, AUDIO_VIDEO.to_vec());
        records.connect(participant, second, None);
        assert_eq!(records.lines(participant, None), []);
    }

    #[test]
    fn a_device_that_left_is_forgotten() {
        let (participant, first, second) = ids();
        let mut records = DeviceRecords::default();
        records.connect(participant, first, Some("a"));
        assert_eq!(records.remove(participant, second), None);
        assert_eq!(records.remove(participant, first), Some(Write::DeleteDevice(participant)));
        assert_eq!(records.iter().count(), 0);
    }
}
