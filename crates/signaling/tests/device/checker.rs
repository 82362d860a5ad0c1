//! A device beside a plain account of what it may do. It knows no call's content; it counts.
//!
//! The fuzz target `device` takes this file, too.

use std::collections::BTreeSet;
use std::time::Duration;

use crosspoint_ids::Timestamp;
use crosspoint_model::{CloseReason, MediaTypes, PublishedStream};
use crosspoint_signaling::{
    CALLS_LOST_MAX, CALLS_WAITING_MAX, CallNumber, ConnectionId, Device, Input, Output, Path, PublishAnswer,
    PublishAnswerStream, REPLIES_KEPT_MAX, Side, SubscribeOffer,
};
use serde_json::Value;

/// The error code of a call that was lost.
const LOST: i64 = -32000;

/// Something that happens.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    Attach,
    Detach { close_code: Option<u16> },
    DetachEarlier,
    Call(&'static str),
    Burst,
    Frame(&'static str),
    MediaAnswers { well: bool, streams: u8 },
    MediaAnswersLate,
    Offer,
    PathChanged(Side, Path),
    Pong,
    Pass { seconds: u8 },
    Close(CloseReason),
    Stop,
}

impl Step {
    /// Any two bytes are a step; what ends a device is rare.
    pub(crate) fn from_bytes([kind, detail]: [u8; 2]) -> Self {
        const OFFER: &str =
            r#""offerSdp","params":{"sdpOffer":"v=0","mediaMetadata":{"mediaStreams":{"a":{}}}}"#;
        const ANSWER: &str = r#""answerSdp","params":{"sdpAnswer":"v=0"}"#;
        match kind % 32 {
            0..=3 => Self::Attach,
            4 => Self::Detach { close_code: [None, Some(1006), Some(1001)][usize::from(detail % 3)] },
            5 => Self::DetachEarlier,
            6..=8 => Self::Call(r#""ping""#),
            9..=11 => Self::Call(OFFER),
            12..=13 => Self::Call(ANSWER),
            14 => Self::Call(
                [r#""fly""#, r#""offerSdp""#, r#""answerSdp","params":[]"#][usize::from(detail % 3)],
            ),
            15..=21 => Self::MediaAnswers { well: detail < 200, streams: detail % 4 },
            22 => Self::MediaAnswersLate,
            23..=24 => Self::Offer,
            25 => {
                let side = if detail & 1 == 0 { Side::Publish } else { Side::Subscribe };
                Self::PathChanged(side, if detail & 6 == 0 { Path::Down } else { Path::Up })
            }
            26..=27 => Self::Pong,
            28 => Self::Frame(
                [
                    "{",
                    "[]",
                    r#"{"jsonrpc":"2.0","result":1,"id":1}"#,
                    r#"{"jsonrpc":"2.0","method":"deviceDiagnostics"}"#,
                ][usize::from(detail % 4)],
            ),
            29..=30 => Self::Pass { seconds: detail % 16 },
            _ => match detail {
                0..=3 => Self::Close(CloseReason::ParticipantEnded),
                4..=7 => Self::Close(CloseReason::Replaced),
                8..=11 => Self::Stop,
                12..=15 => Self::Call(r#""leave""#),
                16..=19 => Self::Frame(r#"{"jsonrpc":"2.0","method":"leave"}"#),
                20..=23 => Self::Detach { close_code: Some(1000) },
                24..=39 => Self::Burst,
                _ => Self::Attach,
            },
        }
    }
}

/// The device and the account of it.
#[derive(Debug)]
pub(crate) struct Checker {
    device: Device,
    now: Timestamp,
    ended: bool,
    signalling: bool,
    connections: u64,
    socket: Option<u64>,
    in_media: Option<(CallNumber, Side)>,
    was_in_media: Vec<(CallNumber, Side)>,
    told: Vec<PublishedStream>,
    /// The ids of all calls that came on a socket that was there.
    asked: u64,
    answered: BTreeSet<u64>,
    answered_on_socket: BTreeSet<u64>,
    /// What the last ping asks about, and what is known to have arrived.
    pinged: Option<([u8; 8], BTreeSet<u64>)>,
    arrived: BTreeSet<u64>,
}

impl Checker {
    pub(crate) fn new() -> Self {
        let now = Timestamp::from_millis(1_000_000);
        let uuid = "00000000-0000-4000-8000-000000000001";
        Self {
            device: Device::new(now, uuid.parse().expect("an id"), uuid.parse().expect("an id")),
            now,
            ended: false,
            signalling: false,
            connections: 0,
            socket: None,
            in_media: None,
            was_in_media: Vec::new(),
            told: Vec::new(),
            asked: 0,
            answered: BTreeSet::new(),
            answered_on_socket: BTreeSet::new(),
            pinged: None,
            arrived: BTreeSet::new(),
        }
    }

    pub(crate) fn take(&mut self, step: Step) {
        match step {
            Step::Attach => self.attach(),
            Step::Detach { close_code } => {
                if let Some(connection) = self.socket.take() {
                    let connection = ConnectionId(connection);
                    self.handle(Input::Detached { connection, close_code });
                }
            }
            Step::DetachEarlier => {
                let connection = ConnectionId(self.connections.saturating_sub(1));
                self.handle(Input::Detached { connection, close_code: Some(1000) });
            }
            Step::Call(method) => self.call(method),
            Step::Burst => {
                for _ in 0..CALLS_WAITING_MAX {
                    self.call(r#""ping""#);
                }
            }
            Step::Frame(text) => self.frame(text),
            Step::MediaAnswers { well, streams } => {
                if let Some((call, side)) = self.in_media.take() {
                    self.was_in_media.push((call, side));
                    self.media_answers(call, side, well, streams);
                }
            }
            Step::MediaAnswersLate => {
                if let Some((call, side)) = self.was_in_media.last().copied() {
                    self.media_answers(call, side, true, 3);
                }
            }
            Step::Offer => {
                let offer = SubscribeOffer { sdp: "v=0".into(), revision: 1, streams: Vec::new() };
                self.handle(Input::OfferReady(offer));
            }
            Step::PathChanged(side, path) => self.handle(Input::PathChanged { side, path }),
            Step::Pong => {
                if let (Some(connection), Some((payload, answered))) = (self.socket, self.pinged.take()) {
                    self.arrived.extend(answered);
                    let connection = ConnectionId(connection);
                    self.handle(Input::Pong { connection, payload: payload.to_vec() });
                }
            }
            Step::Pass { seconds } => {
                self.now = self.now + Duration::from_secs(seconds.into());
                self.device.handle_timeout(self.now);
                self.check_outputs();
            }
            Step::Close(reason) => self.handle(Input::Close(reason)),
            Step::Stop => self.stop(),
        }
    }

    /// Every call of a device that is not over is answered in the end.
    pub(crate) fn finish(mut self) {
        self.attach();
        while self.in_media.is_some() && !self.ended {
            self.take(Step::MediaAnswers { well: true, streams: 0 });
        }
        if !self.ended {
            let unanswered: Vec<u64> = (1..=self.asked).filter(|id| !self.answered.contains(id)).collect();
            assert!(unanswered.is_empty(), "never answered: {unanswered:?}");
        }
    }

    fn attach(&mut self) {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        self.device.handle(self.now, Input::Attached { connection });
        if let Some(earlier) = self.socket.filter(|_| !self.ended) {
            let Some(Output::CloseSocket { connection, code: 1000, .. }) = self.device.poll_output() else {
                panic!("socket {earlier} is not superseded");
            };
            assert_eq!(connection.0, earlier);
        }
        self.socket = Some(self.connections).filter(|_| !self.ended);
        self.answered_on_socket.clear();
        self.pinged = None;
        self.check_outputs();
    }

    fn stop(&mut self) {
        self.device.handle(self.now, Input::ServerStopping);
        if let Some(earlier) = self.socket.take().filter(|_| !self.ended) {
            let Some(Output::CloseSocket { connection, code: 1012, .. }) = self.device.poll_output() else {
                panic!("socket {earlier} is not closed");
            };
            assert_eq!(connection.0, earlier);
        }
        self.ended = true;
        self.check_outputs();
    }

    fn call(&mut self, method: &str) {
        if self.socket.is_some() && !self.ended {
            self.asked += 1;
        }
        self.frame(&format!(r#"{{"jsonrpc":"2.0","id":{},"method":{method}}}"#, self.asked));
    }

    fn frame(&mut self, text: &str) {
        let connection = ConnectionId(self.socket.unwrap_or(self.connections));
        self.handle(Input::Frame { connection, text: text.into() });
    }

    fn media_answers(&mut self, call: CallNumber, side: Side, well: bool, streams: u8) {
        let refused = || "no".to_owned();
        let input = match side {
            Side::Publish => {
                let streams = (0..streams).map(|number| PublishAnswerStream {
                    msid: number.to_string(),
                    id: format!("00000000-0000-4000-8000-0000000000{number:02x}").parse().expect("an id"),
                    alias: None,
                    media_types: if number == 1 { MediaTypes::NONE } else { MediaTypes::AUDIO },
                });
                let answer = PublishAnswer { sdp: "v=0".into(), streams: streams.collect() };
                Input::PublishAnswered { call, result: well.then_some(answer).ok_or_else(refused) }
            }
            Side::Subscribe => {
                Input::SubscribeAnswered { call, result: well.then_some(()).ok_or_else(refused) }
            }
        };
        self.handle(input);
    }

    fn handle(&mut self, input: Input) {
        self.device.handle(self.now, input);
        self.check_outputs();
    }

    fn check_outputs(&mut self) {
        let outputs: Vec<Output> = std::iter::from_fn(|| self.device.poll_output()).collect();
        assert!(!self.ended || outputs.is_empty(), "after the end: {outputs:?}");
        assert!(outputs.len() <= 2 * (REPLIES_KEPT_MAX + CALLS_WAITING_MAX), "{}", outputs.len());
        for output in outputs {
            assert!(!self.ended, "after the end: {output:?}");
            self.check_output(output);
        }
        if self.ended {
            assert_eq!(self.device.poll_timeout(), None);
        } else if self.device.poll_timeout().is_none() {
            assert!(self.signalling && self.socket.is_some());
        } else {
            assert!(!self.signalling && self.socket.is_none());
        }
    }

    fn check_output(&mut self, output: Output) {
        match output {
            Output::Send { connection, text } => {
                assert_eq!(self.socket, Some(connection.0), "only the socket that is there is spoken to");
                self.check_frame(text.as_str());
            }
            Output::SendPing { connection, payload } => {
                assert_eq!(self.socket, Some(connection.0));
                self.pinged = Some((payload, self.answered_on_socket.clone()));
            }
            Output::CloseSocket { connection, .. } => {
                assert_eq!(self.socket.take(), Some(connection.0));
            }
            Output::ApplyPublishOffer { call, .. } => self.check_turn(call, Side::Publish),
            Output::ApplySubscribeAnswer { call, .. } => self.check_turn(call, Side::Subscribe),
            Output::SignallingUp => {
                assert!(!self.signalling && self.socket.is_some());
                self.signalling = true;
            }
            Output::SignallingLost => {
                assert!(self.signalling);
                self.signalling = false;
            }
            Output::StreamsPublished(streams) => {
                assert_ne!(streams, self.told);
                assert!(streams.iter().all(|stream| !stream.media_types.is_empty()));
                self.told = streams;
            }
            Output::Gone { .. } => {
                assert_eq!(self.socket.take(), None, "a socket that is there is closed first");
                self.ended = true;
            }
        }
    }

    fn check_turn(&mut self, call: CallNumber, side: Side) {
        let earlier = self.in_media.replace((call, side));
        assert_eq!(earlier, None, "one call at a time is in the media plane");
    }

    fn check_frame(&mut self, text: &str) {
        let frame: Value = serde_json::from_str(text).expect("a frame is JSON");
        let (result, error) = (frame.get("result"), frame.get("error"));
        if frame.get("method").is_some() {
            assert!(frame.get("id").is_none() && result.is_none() && error.is_none(), "{frame}");
            return;
        }
        assert!(result.is_some() != error.is_some(), "{frame}");
        if error.is_some_and(|error| error["code"] == LOST) {
            let id = frame["id"].as_u64().expect("a number");
            assert!(id > self.asked && id <= self.asked + CALLS_LOST_MAX, "it came: {frame}");
            return;
        }
        if let Some(id) = frame.get("id").expect("a reply has an id").as_u64() {
            assert!((1..=self.asked).contains(&id), "nobody asked: {frame}");
            assert!(self.answered_on_socket.last().is_none_or(|last| *last < id), "out of order: {frame}");
            assert!(!self.arrived.contains(&id), "it arrived before: {frame}");
            self.answered.insert(id);
            self.answered_on_socket.insert(id);
        }
    }
}
