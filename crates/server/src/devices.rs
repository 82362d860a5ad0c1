//! Which devices there are, and which socket belongs to which.
//!
//! A participant has one device. A socket with the same `uniqueId` resumes it; another one replaces it.

use std::collections::HashMap;

use crosspoint_ids::{DeviceId, ParticipantId};
use crosspoint_media::{DeviceEvent, MediaKind, Order};
use crosspoint_model::{CloseReason, MediaTypes};
use crosspoint_store::{DeviceRecord, LineKind, Presence};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::admission::Admission;
use crate::clock::Clock;
use crate::device_task::{DeviceTask, End, Inbox};
use crate::handle::CoreHandle;
use crate::socket::{Incoming, Socket};

/// Frames that may wait for a device's task. Its socket is not read further while it is full.
const FRAMES_MAX: usize = 32;
/// Sockets that may wait to be attached. One more is turned away; its client tries again.
const SOCKETS_MAX: usize = 4;
/// Events of the media plane that may wait. The media plane closes a device whose queue is full.
const EVENTS_MAX: usize = 64;

/// A device that is new. Its task must not run before the media plane has its order: what the task says would come to
/// a device that nobody knows.
pub(crate) struct Opened {
    pub(crate) device: DeviceId,
    pub(crate) participant: ParticipantId,
    pub(crate) unique_id: Option<String>,
    /// The id under which applications see it: the device's own name, when that is a UUID.
    pub(crate) shown_as: DeviceId,
    /// What the media plane must be told first.
    pub(crate) order: Order,
    pub(crate) launch: Launch,
}

/// A device's task that does not run yet.
pub(crate) struct Launch {
    task: DeviceTask,
    inbox: Inbox,
    /// `None`: its client is waited for.
    socket: Option<Socket>,
}

/// All devices.
#[derive(Debug)]
pub(crate) struct Devices {
    by_participant: HashMap<ParticipantId, Entry>,
    participants: HashMap<DeviceId, ParticipantId>,
    tasks: JoinSet<()>,
    orders: mpsc::Sender<Order>,
    core: CoreHandle,
    clock: Clock,
}

/// The ways to a device's task.
#[derive(Debug)]
struct Entry {
    device: DeviceId,
    unique_id: Option<String>,
    frames: mpsc::Sender<Incoming>,
    sockets: mpsc::Sender<Socket>,
    end: watch::Sender<Option<End>>,
}

impl Devices {
    pub(crate) fn new(orders: mpsc::Sender<Order>, core: CoreHandle, clock: Clock) -> Self {
        Self {
            by_participant: HashMap::new(),
            participants: HashMap::new(),
            tasks: JoinSet::new(),
            orders,
            core,
            clock,
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.by_participant.len()
    }

    /// Attaches a socket to its device, or makes a device for it. `lines` are the m-lines that its client was offered
    /// before.
    pub(crate) fn admit(&mut self, admission: Admission, lines: &[LineKind]) -> Option<Opened> {
        while self.tasks.try_join_next().is_some() {}
        let Admission { participant, publish_permissions, unique_id, socket, reply } = admission;
        let known = self.by_participant.get(&participant);
        let resumed = known.filter(|entry| unique_id.is_some() && entry.unique_id == unique_id);
        let socket = match resumed {
            Some(entry) => match entry.sockets.try_send(socket) {
                Ok(()) => {
                    // The socket may be gone again by now; its device finds out by itself.
                    let _ = reply.send(entry.frames.clone());
                    return None;
                }
                Err(mpsc::error::TrySendError::Full(_)) => return None,
                // The device ended just now, and its report is on the way: this is a new one.
                Err(mpsc::error::TrySendError::Closed(socket)) => socket,
            },
            None => socket,
        };
        let device = DeviceId::new(Uuid::new_v4());
        let (opened, frames) =
            self.open(device, participant, publish_permissions, unique_id, lines, Some(socket));
        // The socket may be gone again by now; its device finds out by itself.
        let _ = reply.send(frames);
        Some(opened)
    }

    /// Makes a device anew that was there when the server ended; its client is waited for. `None` when it had gone.
    pub(crate) fn restore(
        &mut self,
        record: &DeviceRecord,
        publish_permissions: MediaTypes,
    ) -> Option<Opened> {
        match record.presence {
            Presence::Here => {}
            Presence::Gone => return None,
        }
        let DeviceRecord { participant, device, unique_id, lines, .. } = record;
        let (opened, _) =
            self.open(*device, *participant, publish_permissions, unique_id.clone(), lines, None);
        Some(opened)
    }

    fn open(
        &mut self,
        device: DeviceId,
        participant: ParticipantId,
        publish_permissions: MediaTypes,
        unique_id: Option<String>,
        lines: &[LineKind],
        socket: Option<Socket>,
    ) -> (Opened, mpsc::Sender<Incoming>) {
        let (frames, frame_queue) = mpsc::channel(FRAMES_MAX);
        let (sockets, socket_queue) = mpsc::channel(SOCKETS_MAX);
        let (events, event_queue) = mpsc::channel::<DeviceEvent>(EVENTS_MAX);
        let (end, end_watch) = watch::channel(None);
        let inbox = Inbox { frames: frame_queue, sockets: socket_queue, events: event_queue, end: end_watch };
        let task = DeviceTask::new(device, participant, self.orders.clone(), self.core.clone(), self.clock);
        let launch = Launch { task, inbox, socket };
        let shown_as =
            unique_id.as_deref().and_then(|id| Uuid::try_parse(id).ok()).map_or(device, DeviceId::new);
        let entry = Entry { device, unique_id: unique_id.clone(), frames: frames.clone(), sockets, end };
        if let Some(earlier) = self.by_participant.insert(participant, entry) {
            // The model tells the earlier device to close; the entry lives on in its task's own channels until then.
            self.participants.remove(&earlier.device);
            earlier.end.send_replace(Some(End::Closed(CloseReason::Replaced)));
        }
        self.participants.insert(device, participant);
        let allowed = [(MediaTypes::AUDIO, MediaKind::Audio), (MediaTypes::VIDEO, MediaKind::Video)]
            .into_iter()
            .filter_map(|(media_type, kind)| publish_permissions.contains(media_type).then_some(kind))
            .collect();
        let lines = lines.iter().map(|line| match line {
            LineKind::Audio => MediaKind::Audio,
            LineKind::Video => MediaKind::Video,
        });
        let order = Order::OpenDevice { device, participant, allowed, lines: lines.collect(), events };
        (Opened { device, participant, unique_id, shown_as, order, launch }, frames)
    }

    /// Lets a new device's task run.
    pub(crate) fn launch(&mut self, launch: Launch) {
        let Launch { task, inbox, socket } = launch;
        self.tasks.spawn(task.run(inbox, socket));
    }

    /// Forgets a device that has ended by itself. Whose it was; `None` when it was not known.
    pub(crate) fn forget(&mut self, device: DeviceId) -> Option<ParticipantId> {
        self.remove(device).map(|(participant, _)| participant)
    }

    /// Closes a device for good. Whose it was; `None` when it was not known.
    pub(crate) fn close(&mut self, device: DeviceId, reason: CloseReason) -> Option<ParticipantId> {
        let (participant, entry) = self.remove(device)?;
        entry.end.send_replace(Some(End::Closed(reason)));
        Some(participant)
    }

    fn remove(&mut self, device: DeviceId) -> Option<(ParticipantId, Entry)> {
        let participant = self.participants.remove(&device)?;
        Some((participant, self.by_participant.remove(&participant)?))
    }

    /// Tells all devices that the server stops, and waits until their sockets know.
    pub(crate) async fn stop_all(&mut self) {
        for entry in self.by_participant.values() {
            entry.end.send_replace(Some(End::ServerStopping));
        }
        while self.tasks.join_next().await.is_some() {}
    }
}
