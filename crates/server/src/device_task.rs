//! The task of one device: it carries what the state machine of `crosspoint-signaling` says to sockets, media plane
//! and core, and brings back what they answer.

use std::future::Future;
use std::pin::Pin;

use crosspoint_ids::{DeviceId, ParticipantId, Timestamp};
use crosspoint_media as media;
use crosspoint_media::{DeviceEvent, MediaKind, Order, SdpRefusal};
use crosspoint_model::{Alias, CloseReason, Departure, MediaTypes, Report};
use crosspoint_signaling::{
    CallNumber, Device, GoneReason, Input, OfferedStream, Output, Path, PublishAnswer, PublishAnswerStream,
    Side, SubscribeOffer,
};
use crosspoint_store::LineKind;
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::handle::CoreHandle;
use crate::socket::{Incoming, Outgoing, Socket};

/// Why a device is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The core closed it.
    Closed(CloseReason),
    /// The server stops; its client may come back to the next one.
    ServerStopping,
}

/// Everything that comes to a device's task.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) frames: mpsc::Receiver<Incoming>,
    pub(crate) sockets: mpsc::Receiver<Socket>,
    pub(crate) events: mpsc::Receiver<DeviceEvent>,
    pub(crate) end: watch::Receiver<Option<End>>,
}

/// A device's task.
pub(crate) struct DeviceTask {
    id: DeviceId,
    participant: ParticipantId,
    machine: Device,
    /// The sockets that are up; two only while a new one supersedes an old one.
    sockets: Vec<Socket>,
    /// The answer of the media plane that is waited for.
    pending: Option<Pending>,
    /// How many m-lines of its client the store knows; the pool only grows.
    lines_known: usize,
    orders: mpsc::Sender<Order>,
    core: CoreHandle,
    clock: Clock,
}

type Pending = Pin<Box<dyn Future<Output = Input> + Send>>;

/// Whether the task goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Ended,
}

impl DeviceTask {
    pub(crate) fn new(
        id: DeviceId,
        participant: ParticipantId,
        orders: mpsc::Sender<Order>,
        core: CoreHandle,
        clock: Clock,
    ) -> Self {
        let machine = Device::new(clock.now(), id, participant);
        Self {
            id,
            participant,
            machine,
            sockets: Vec::new(),
            pending: None,
            lines_known: 0,
            orders,
            core,
            clock,
        }
    }

    /// Works until the device ends. Without a first socket, its client is waited for.
    pub(crate) async fn run(mut self, mut inbox: Inbox, first: Option<Socket>) {
        let mut flow = match first {
            Some(socket) => self.attach(socket).await,
            None => Flow::On,
        };
        while flow == Flow::On {
            let input = self.next_input(&mut inbox).await;
            flow = match input {
                Next::Input(input) => self.handle(input).await,
                Next::Media(event) => {
                    if let DeviceEvent::OfferReady(offer) = &event {
                        self.remember_lines(offer).await;
                    }
                    self.handle(input_of_event(event)).await
                }
                Next::Attach(socket) => self.attach(socket).await,
                Next::TimePassed => {
                    self.machine.handle_timeout(self.clock.now());
                    self.carry_out().await
                }
                Next::Stopping => {
                    self.handle(Input::ServerStopping).await;
                    Flow::Ended
                }
                Next::MediaGone => {
                    tracing::warn!(device = %self.id, "the media plane gave a device up");
                    self.gone(Departure::Lost).await;
                    Flow::Ended
                }
            };
        }
    }

    async fn next_input(&mut self, inbox: &mut Inbox) -> Next {
        let timeout = self.machine.poll_timeout();
        tokio::select! {
            biased;
            end = inbox.end.wait_for(Option::is_some) => match end.map(|end| *end) {
                Ok(Some(End::Closed(reason))) => Next::Input(Input::Close(reason)),
                Ok(Some(End::ServerStopping) | None) | Err(_) => Next::Stopping,
            },
            Some(socket) = inbox.sockets.recv() => Next::Attach(socket),
            event = inbox.events.recv() => match event {
                Some(event) => Next::Media(event),
                None => Next::MediaGone,
            },
            input = answer(&mut self.pending) => {
                self.pending = None;
                Next::Input(input)
            }
            Some(incoming) = inbox.frames.recv() => Next::Input(match incoming {
                Incoming::Frame { connection, text } => Input::Frame { connection, text },
                Incoming::Pong { connection, payload } => Input::Pong { connection, payload },
                Incoming::Detached { connection, close_code } => {
                    self.sockets.retain(|socket| socket.connection != connection);
                    Input::Detached { connection, close_code }
                }
            }),
            () = sleep_until(&self.clock, timeout) => Next::TimePassed,
        }
    }

    /// Before a client gets more m-lines than it has, it must be certain that a restarted server knows of them.
    async fn remember_lines(&mut self, offer: &media::Offer) {
        if offer.lines.len() <= self.lines_known {
            return;
        }
        self.lines_known = offer.lines.len();
        let lines = offer.lines.iter().map(|kind| match kind {
            MediaKind::Audio => LineKind::Audio,
            MediaKind::Video => LineKind::Video,
        });
        // Without the core, the server is stopping.
        let _ = self.core.set_lines(self.participant, self.id, lines.collect()).await;
    }

    async fn attach(&mut self, socket: Socket) -> Flow {
        let connection = socket.connection;
        self.sockets.push(socket);
        self.handle(Input::Attached { connection }).await
    }

    async fn handle(&mut self, input: Input) -> Flow {
        self.machine.handle(self.clock.now(), input);
        self.carry_out().await
    }

    async fn carry_out(&mut self) -> Flow {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Send { connection, text } => self.send(connection, Outgoing::Text(text)),
                Output::SendPing { connection, payload } => self.send(connection, Outgoing::Ping(payload)),
                Output::CloseSocket { connection, code, reason } => {
                    self.send(connection, Outgoing::Close { code, reason });
                    self.sockets.retain(|socket| socket.connection != connection);
                }
                Output::ApplyPublishOffer { call, sdp, streams } => {
                    let streams = streams
                        .into_iter()
                        .map(|stream| media::StreamRequest {
                            msid: stream.msid,
                            alias: stream.alias.map(|alias| alias.as_str().to_owned()),
                        })
                        .collect();
                    let (reply, answer) = oneshot::channel();
                    let sdp = sdp.into_string();
                    self.order(Order::PublishOffer { device: self.id, sdp, streams, reply }).await;
                    self.pending = Some(Box::pin(publish_answer(call, answer)));
                }
                Output::ApplySubscribeAnswer { call, sdp } => {
                    let (reply, answer) = oneshot::channel();
                    let sdp = sdp.into_string();
                    self.order(Order::SubscribeAnswer { device: self.id, sdp, reply }).await;
                    self.pending = Some(Box::pin(subscribe_verdict(call, answer)));
                }
                Output::SignallingUp => self.signalling(media::Path::Up).await,
                Output::SignallingLost => self.signalling(media::Path::Down).await,
                Output::StreamsPublished(streams) => {
                    self.core.report(Report::StreamsPublished { device: self.id, streams }).await;
                }
                Output::Gone { reason } => {
                    match reason {
                        GoneReason::Left => self.gone(Departure::Left).await,
                        GoneReason::Lost => self.gone(Departure::Lost).await,
                        // The core did that itself.
                        GoneReason::Closed => {}
                    }
                    return Flow::Ended;
                }
            }
        }
        Flow::On
    }

    fn send(&mut self, connection: crosspoint_signaling::ConnectionId, outgoing: Outgoing) {
        let socket = self.sockets.iter().find(|socket| socket.connection == connection);
        let too_slow = socket.is_some_and(|socket| socket.outgoing.try_send(outgoing).is_err());
        if too_slow {
            // Dropping its sender ends the socket; it reports that it is detached.
            self.sockets.retain(|socket| socket.connection != connection);
        }
    }

    async fn gone(&mut self, departure: Departure) {
        self.core.report(Report::DeviceGone { device: self.id, departure }).await;
    }

    async fn signalling(&mut self, signalling: media::Path) {
        self.order(Order::SignallingChanged { device: self.id, signalling }).await;
    }

    async fn order(&mut self, order: Order) {
        // When the media plane is gone, the server is stopping.
        let _ = self.orders.send(order).await;
    }
}

/// What the task does next.
enum Next {
    Input(Input),
    Media(DeviceEvent),
    Attach(Socket),
    TimePassed,
    Stopping,
    MediaGone,
}

async fn answer(pending: &mut Option<Pending>) -> Input {
    match pending {
        Some(pending) => pending.await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(clock: &Clock, at: Option<Timestamp>) {
    match at {
        Some(at) => tokio::time::sleep_until(clock.instant(at).into()).await,
        None => std::future::pending().await,
    }
}

async fn publish_answer(
    call: CallNumber,
    answer: oneshot::Receiver<Result<media::PublishAnswer, SdpRefusal>>,
) -> Input {
    let result = answer.await.unwrap_or(Err(SdpRefusal::NoSuchDevice));
    let result = result.map_err(|refusal| refusal.to_string()).map(|answer| PublishAnswer {
        sdp: answer.sdp.into(),
        streams: answer
            .streams
            .into_iter()
            .map(|stream| PublishAnswerStream {
                msid: stream.msid,
                id: stream.id,
                alias: alias_of(stream.alias),
                media_types: media_types_of(&stream.kinds),
            })
            .collect(),
    });
    Input::PublishAnswered { call, result }
}

async fn subscribe_verdict(call: CallNumber, answer: oneshot::Receiver<Result<(), SdpRefusal>>) -> Input {
    let result = answer.await.unwrap_or(Err(SdpRefusal::NoSuchDevice));
    Input::SubscribeAnswered { call, result: result.map_err(|refusal| refusal.to_string()) }
}

fn input_of_event(event: DeviceEvent) -> Input {
    match event {
        DeviceEvent::OfferReady(offer) => Input::OfferReady(SubscribeOffer {
            sdp: offer.sdp.into(),
            revision: offer.revision,
            streams: offer
                .streams
                .into_iter()
                .map(|stream| OfferedStream {
                    id: stream.id,
                    participant: stream.participant,
                    alias: alias_of(stream.alias),
                    media_types: media_types_of(&stream.kinds),
                })
                .collect(),
        }),
        DeviceEvent::PathChanged { side, path } => {
            let side = match side {
                media::Side::Publish => Side::Publish,
                media::Side::Subscribe => Side::Subscribe,
            };
            let path = match path {
                media::Path::Up => Path::Up,
                media::Path::Down => Path::Down,
            };
            Input::PathChanged { side, path }
        }
    }
}

/// The media plane hands back what signalling has bounded before.
fn alias_of(alias: Option<String>) -> Option<Alias> {
    alias.and_then(|alias| Alias::new(&alias).ok())
}

fn media_types_of(kinds: &[MediaKind]) -> MediaTypes {
    kinds.iter().fold(MediaTypes::NONE, |types, kind| {
        types
            | match kind {
                MediaKind::Audio => MediaTypes::AUDIO,
                MediaKind::Video => MediaTypes::VIDEO,
            }
    })
}
