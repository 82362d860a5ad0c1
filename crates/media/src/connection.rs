//! One peer connection of a device: the library's state, its timer and its local address.
//!
//! Not here: what is published or subscribed ([`publish`](crate::publish), [`subscribe`](crate::subscribe)).

use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use str0m::channel::{ChannelConfig, ChannelData, ChannelId};
use str0m::net::{DatagramRecv, Receive, Transmit};
use str0m::rtp::RtpPacket;
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};

use crate::codec::rtc_config;
use crate::demux::{ConnectionKey, Remote};
use crate::ice_key::IceKey;

/// The data channel on which either side may ask whether the other is there.
const HEARTBEAT: (u16, &str) = (0, "__heartbeat__");
/// The data channel that clients open for diagnostics; what comes on it is dropped.
const DIAGNOSTICS: (u16, &str) = (1, "__diagnostics__");

/// What all connections have in common at this end.
#[derive(Debug)]
pub(crate) struct LocalEnd {
    /// They stand in every description.
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) ice_key: IceKey,
}

/// A peer connection.
pub(crate) struct Connection {
    rtc: Rtc,
    heartbeat: Option<ChannelId>,
    /// When [`Connection::handle_timeout`] is due.
    timeout: Instant,
}

/// What a connection has to say.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it lives for one step of a loop, and packets are the common case"
)]
pub(crate) enum Happening {
    /// Send this.
    Transmit(Transmit),
    /// A packet came in, decrypted and in RTP order of arrival.
    Packet(RtpPacket),
    /// The far side can't show the track on this m-line without a key frame.
    KeyFrameWanted(str0m::media::Mid),
    /// Whether packets can pass.
    Path(Path),
}

/// Whether the far side is reachable, by ICE consent (RFC 7675).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// It is.
    Up,
    /// It has been silent for too long, or it closed.
    Down,
}

/// A connection that broke; nothing can be done with it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("alive", &self.rtc.is_alive()).finish_non_exhaustive()
    }
}

impl Connection {
    pub(crate) fn new(key: ConnectionKey, local: &LocalEnd, now: Instant) -> Self {
        let credentials = local.ice_key.credentials(key.device);
        let mut rtc = rtc_config(key.side).set_local_ice_credentials(credentials).build(now);
        for candidate in &local.candidates {
            rtc.add_local_candidate(candidate.clone());
        }
        Self { rtc, heartbeat: None, timeout: now }
    }

    pub(crate) fn rtc(&mut self) -> &mut Rtc {
        &mut self.rtc
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.rtc.is_alive()
    }

    pub(crate) fn timeout(&self) -> Instant {
        self.timeout
    }

    /// The name by which STUN requests find this connection.
    pub(crate) fn local_ufrag(&mut self) -> String {
        self.rtc.direct_api().local_ice_credentials().ufrag
    }

    /// Opens the two channels that both sides agree on beforehand. A second call does nothing.
    pub(crate) fn open_channels(&mut self) {
        if self.heartbeat.is_some() {
            return;
        }
        let mut api = self.rtc.direct_api();
        let [heartbeat, _diagnostics] = [HEARTBEAT, DIAGNOSTICS].map(|(id, label)| {
            api.create_data_channel(ChannelConfig {
                label: label.into(),
                negotiated: Some(id),
                protocol: "udp".into(),
                ..Default::default()
            })
        });
        self.heartbeat = Some(heartbeat);
    }

    /// Whether this STUN request is meant for this connection and proves to know its password.
    pub(crate) fn accepts(&self, now: Instant, receive: Receive<'_>) -> bool {
        self.rtc.accepts(&Input::Receive(now, receive))
    }

    /// Takes a datagram. Poll afterwards.
    pub(crate) fn handle_datagram(
        &mut self,
        now: Instant,
        source: Remote,
        destination: SocketAddr,
        contents: DatagramRecv<'_>,
    ) -> Result<(), Broken> {
        let receive = Receive { proto: source.protocol, source: source.address, destination, contents };
        let result = self.rtc.handle_input(Input::Receive(now, receive));
        self.checked(result)
    }

    /// Lets time pass. Poll afterwards.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<(), Broken> {
        let result = self.rtc.handle_input(Input::Timeout(now));
        self.checked(result)
    }

    /// The next thing that it has to say; `None` until something is handed in or time has passed.
    pub(crate) fn poll(&mut self) -> Result<Option<Happening>, Broken> {
        loop {
            let output = self.rtc.poll_output();
            match self.checked(output)? {
                Output::Timeout(at) => {
                    self.timeout = at;
                    return Ok(None);
                }
                Output::Transmit(transmit) => return Ok(Some(Happening::Transmit(transmit))),
                Output::Event(event) => {
                    if let Some(happening) = self.read_event(event) {
                        return Ok(Some(happening));
                    }
                }
            }
        }
    }

    fn read_event(&mut self, event: Event) -> Option<Happening> {
        match event {
            Event::RtpPacket(packet) => Some(Happening::Packet(packet)),
            Event::KeyframeRequest(request) => Some(Happening::KeyFrameWanted(request.mid)),
            Event::IceConnectionStateChange(state) => match state {
                IceConnectionState::Connected | IceConnectionState::Completed => {
                    Some(Happening::Path(Path::Up))
                }
                IceConnectionState::Disconnected => Some(Happening::Path(Path::Down)),
                IceConnectionState::New | IceConnectionState::Checking => None,
            },
            Event::Closed => Some(Happening::Path(Path::Down)),
            Event::ChannelData(data) => {
                self.answer_heartbeat(&data);
                None
            }
            // The library's other events speak of media that this server does not look into.
            _ => None,
        }
    }

    fn answer_heartbeat(&mut self, data: &ChannelData) {
        if self.heartbeat != Some(data.id) || data.data != b"PING" {
            return;
        }
        if let Some(mut channel) = self.rtc.channel(data.id) {
            // A full buffer means that the far side does not read: then it needs no answer either.
            let _ = channel.write(false, b"PONG");
        }
    }

    fn checked<T>(&mut self, result: Result<T, str0m::RtcError>) -> Result<T, Broken> {
        result.map_err(|error| {
            tracing::debug!(%error, "a peer connection broke");
            self.rtc.disconnect();
            Broken
        })
    }
}
