//! One device's signalling, from its first socket to its end.
//!
//! The device outlives its sockets: media flows on while none is attached, calls go on, and what they yield is sent on
//! the next socket. It ends once, by [`Output::Gone`].
//!
//! It is *not* the negotiation: which offer is made when, and when an unanswered one is given up, is the media plane's.
//! It is *not* the authorisation either: whoever attaches a socket has checked its token and found this device by its
//! `uniqueId`.

mod calls;
mod io;
mod paths;
mod wire;

use std::collections::VecDeque;
use std::time::Duration;

use crosspoint_ids::{DeviceId, ParticipantId, Timestamp};
use crosspoint_model::{CloseReason, PublishedStream};

use crate::Confidential;
use crate::rpc::{self, Call, CallId, Empty, Frame, Method, Notification, Refusal};
use calls::{Calls, Due, Step};
use paths::Paths;

pub use calls::{CALLS_WAITING_MAX, REPLIES_KEPT_MAX};
pub use io::{
    CallNumber, ConnectionId, GoneReason, Input, OfferedStream, Output, Path, PublishAnswer,
    PublishAnswerStream, Side, SubscribeOffer,
};

/// How long a device without a socket is waited for. Clients try every second.
pub const RESUME_WINDOW: Duration = Duration::from_secs(30);
/// The same after close code 1001, which mostly is a page that was closed; but a proxy that stops says it, too, and
/// then the client comes back in a second.
pub const PAGE_CLOSED_WINDOW: Duration = Duration::from_secs(3);
/// The most frames in a row that are no JSON-RPC requests. One more ends the device.
pub const MALFORMED_IN_A_ROW_MAX: u32 = 100;

/// The state machine of one device.
///
/// The shell hands in what happens with [`handle`](Self::handle), and time with
/// [`handle_timeout`](Self::handle_timeout); after each of them it takes all of [`poll_output`](Self::poll_output) and
/// asks [`poll_timeout`](Self::poll_timeout) when to call again.
#[derive(Debug)]
pub struct Device {
    id: DeviceId,
    participant: ParticipantId,
    state: State,
    calls: Calls,
    paths: Paths,
    /// What the last answer to an offer left published.
    published: Vec<PublishedStream>,
    /// What the core was told last.
    told: Vec<PublishedStream>,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
enum State {
    /// The device listens.
    Attached(Socket),
    /// It does not, and is waited for.
    Detached(Timer),
    /// It is over.
    Ended,
}

#[derive(Debug, Clone, Copy)]
struct Socket {
    connection: ConnectionId,
    malformed_in_a_row: u32,
}

#[derive(Debug, Clone, Copy)]
enum Timer {
    /// The socket was lost, or none came yet: the device is lost at this time.
    Resume(Timestamp),
    /// The page was closed, it seems: the device is lost at this time.
    PageClosed(Timestamp),
}

/// Why the server closes a socket.
#[derive(Debug, Clone, Copy)]
enum Closing {
    Left,
    ParticipantEnded,
    Replaced,
    TokenRenewed,
    Superseded,
    TooManyCalls,
    NotJsonRpc,
    ServerStopping,
}

impl Device {
    /// A device that has no socket yet; it is lost when none comes within [`RESUME_WINDOW`].
    pub fn new(now: Timestamp, device: DeviceId, participant: ParticipantId) -> Self {
        Self {
            id: device,
            participant,
            state: State::Detached(Timer::Resume(now + RESUME_WINDOW)),
            calls: Calls::new(),
            paths: Paths::default(),
            published: Vec::new(),
            told: Vec::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Which device.
    pub fn id(&self) -> DeviceId {
        self.id
    }

    /// Whose device.
    pub fn participant(&self) -> ParticipantId {
        self.participant
    }

    /// Takes what happened.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        match (&self.state, input) {
            (State::Ended, _) => {}

            (State::Attached(socket), Input::Attached { connection }) if socket.connection == connection => {}
            (State::Attached(socket), Input::Attached { connection }) => {
                let earlier = *socket;
                self.close_socket(earlier, Closing::Superseded);
                self.outputs.push_back(Output::SignallingLost);
                self.attach(connection);
            }
            (State::Detached(_), Input::Attached { connection }) => self.attach(connection),

            (State::Attached(socket), Input::Frame { connection, text })
                if socket.connection == connection =>
            {
                self.take_frame(*socket, &text);
            }
            (State::Attached(socket), Input::Pong { connection, payload })
                if socket.connection == connection =>
            {
                // A payload of another length is the answer to a ping that is not from here.
                if let Ok(payload) = payload.try_into() {
                    self.calls.confirm(u64::from_be_bytes(payload));
                }
            }
            (State::Attached(socket), Input::Detached { connection, close_code })
                if socket.connection == connection =>
            {
                self.detach(now, close_code);
            }
            // About a socket that was superseded.
            (
                State::Attached(_) | State::Detached(_),
                Input::Frame { .. } | Input::Pong { .. } | Input::Detached { .. },
            ) => {}

            (State::Attached(_) | State::Detached(_), Input::PublishAnswered { call, result }) => {
                if let Some(id) = self.calls.finish(call, Side::Publish) {
                    let text = self.conclude_publish(&id, result);
                    self.answer(call, text);
                    self.advance_calls();
                }
            }
            (State::Attached(_) | State::Detached(_), Input::SubscribeAnswered { call, result }) => {
                if let Some(id) = self.calls.finish(call, Side::Subscribe) {
                    let text = match result {
                        Ok(()) => rpc::reply(&id, &Empty {}),
                        Err(sentence) => rpc::refuse(&id, &Refusal::Sdp(sentence)),
                    };
                    self.answer(call, text);
                    self.advance_calls();
                }
            }

            (State::Attached(socket), Input::OfferReady(offer)) => {
                let text = Confidential::from(rpc::notification(&wire::sdp_offer(self.id, &offer)));
                self.outputs.push_back(Output::Send { connection: socket.connection, text });
            }
            (State::Detached(_), Input::OfferReady(_)) => {}

            (State::Attached(_), Input::PathChanged { side, path }) => {
                self.paths.set(side, path);
                self.tell_streams();
            }
            (State::Detached(_), Input::PathChanged { side, path }) => {
                self.paths.set(side, path);
                if self.paths.are_all_lost() {
                    self.end(GoneReason::Lost);
                } else {
                    self.tell_streams();
                }
            }

            (State::Attached(socket), Input::Close(reason)) => {
                self.close_socket(*socket, Closing::from(reason));
                self.end(GoneReason::Closed);
            }
            (State::Detached(_), Input::Close(_)) => self.end(GoneReason::Closed),

            (State::Attached(socket), Input::ServerStopping) => {
                self.close_socket(*socket, Closing::ServerStopping);
                self.stop();
            }
            (State::Detached(_), Input::ServerStopping) => self.stop(),
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        match self.state {
            State::Detached(Timer::Resume(at) | Timer::PageClosed(at)) => Some(at),
            State::Attached(_) | State::Ended => None,
        }
    }

    /// Lets time pass; too early changes nothing.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        if self.poll_timeout().is_some_and(|at| now >= at) {
            self.end(GoneReason::Lost);
        }
    }

    /// What the shell must do next; `None` when there is nothing more now.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn attach(&mut self, connection: ConnectionId) {
        self.state = State::Attached(Socket { connection, malformed_in_a_row: 0 });
        let mut last = None;
        for reply in self.calls.kept() {
            let text = reply.text.clone();
            self.outputs.push_back(Output::Send { connection, text });
            last = Some(reply.call);
        }
        if let Some(last) = last {
            self.ping(connection, last);
        }
        self.outputs.push_back(Output::SignallingUp);
    }

    fn detach(&mut self, now: Timestamp, close_code: Option<u16>) {
        let timer = match close_code {
            Some(1000) => return self.end(GoneReason::Left),
            _ if self.paths.are_all_lost() => return self.end(GoneReason::Lost),
            Some(1001) => Timer::PageClosed(now + PAGE_CLOSED_WINDOW),
            Some(_) | None => Timer::Resume(now + RESUME_WINDOW),
        };
        self.state = State::Detached(timer);
        self.outputs.push_back(Output::SignallingLost);
    }

    fn take_frame(&mut self, socket: Socket, text: &Confidential) {
        let frame = rpc::parse(text.as_str());
        let malformed = matches!(&frame, Frame::Refused { refusal, .. } if refusal.is_malformed());
        let malformed_in_a_row = if malformed { socket.malformed_in_a_row + 1 } else { 0 };
        if malformed_in_a_row > MALFORMED_IN_A_ROW_MAX {
            self.close_socket(socket, Closing::NotJsonRpc);
            return self.end(GoneReason::Lost);
        }
        self.state = State::Attached(Socket { malformed_in_a_row, ..socket });
        match frame {
            Frame::Call(Call { id, method }) => self.take_call(socket, id, method),
            Frame::Notification(Notification::Leave) => self.leave(socket),
            Frame::Notification(Notification::DeviceDiagnostics) | Frame::Ignored => {}
            Frame::Refused { id, refusal } => self.queue(socket, Step::Reply(rpc::refuse(&id, &refusal))),
        }
    }

    fn take_call(&mut self, socket: Socket, id: CallId, method: Method) {
        match method {
            Method::SetMediaPreferences | Method::Ping | Method::DeviceDiagnostics => {
                self.queue(socket, Step::Reply(rpc::reply(&id, &Empty {})));
            }
            Method::OfferSdp(offer) => self.queue(socket, Step::Publish(id, offer)),
            Method::AnswerSdp(answer) => self.queue(socket, Step::Subscribe(id, answer)),
            // It overtakes what waits: nobody listens for those replies any more.
            Method::Leave => {
                let text = Confidential::from(rpc::reply(&id, &Empty {}));
                self.outputs.push_back(Output::Send { connection: socket.connection, text });
                self.leave(socket);
            }
        }
    }

    fn leave(&mut self, socket: Socket) {
        self.close_socket(socket, Closing::Left);
        self.end(GoneReason::Left);
    }

    fn queue(&mut self, socket: Socket, step: Step) {
        match self.calls.push(step) {
            Ok(()) => self.advance_calls(),
            Err(calls::Full) => {
                self.close_socket(socket, Closing::TooManyCalls);
                self.end(GoneReason::Lost);
            }
        }
    }

    /// Does what can be done until the media plane has its turn.
    fn advance_calls(&mut self) {
        while let Some(due) = self.calls.next_due() {
            match due {
                Due::Reply(call, text) => self.answer(call, text),
                Due::Publish(call, rpc::OfferSdp { sdp, streams }) => {
                    self.outputs.push_back(Output::ApplyPublishOffer { call, sdp, streams });
                }
                Due::Subscribe(call, rpc::AnswerSdp { sdp }) => {
                    self.outputs.push_back(Output::ApplySubscribeAnswer { call, sdp });
                }
            }
        }
    }

    /// Answers a call now, or on the next socket.
    fn answer(&mut self, call: CallNumber, text: String) {
        let text = Confidential::from(text);
        if let State::Attached(Socket { connection, .. }) = self.state {
            self.outputs.push_back(Output::Send { connection, text: text.clone() });
            self.ping(connection, call);
        }
        self.calls.keep(call, text);
    }

    /// Asks whether the replies up to this one arrived.
    fn ping(&mut self, connection: ConnectionId, call: CallNumber) {
        let payload = call.0.to_be_bytes();
        self.outputs.push_back(Output::SendPing { connection, payload });
    }

    /// Takes the media plane's word on an offer, and yields the reply.
    fn conclude_publish(&mut self, id: &CallId, result: Result<PublishAnswer, String>) -> String {
        match result {
            Ok(answer) => {
                self.published = wire::published_streams(&answer);
                self.tell_streams();
                rpc::reply(id, &wire::offer_result(self.id, self.participant, &answer))
            }
            Err(sentence) => rpc::refuse(id, &Refusal::Sdp(sentence)),
        }
    }

    /// Tells the core what is published, if that changed. Nobody shall look at a frozen picture, so nothing is while
    /// the path is lost.
    fn tell_streams(&mut self) {
        let streams = if self.paths.is_publish_lost() { &[] } else { self.published.as_slice() };
        if self.told != streams {
            self.told = streams.to_vec();
            self.outputs.push_back(Output::StreamsPublished(self.told.clone()));
        }
    }

    fn close_socket(&mut self, socket: Socket, closing: Closing) {
        let (code, reason) = closing.code_and_reason();
        self.outputs.push_back(Output::CloseSocket { connection: socket.connection, code, reason });
    }

    fn end(&mut self, reason: GoneReason) {
        self.stop();
        self.outputs.push_back(Output::Gone { reason });
    }

    fn stop(&mut self) {
        self.state = State::Ended;
        self.calls.clear();
    }
}

impl Closing {
    /// With 1000 the client does not come back; with any other code it does. A client has one socket at a time, so one
    /// that was superseded and still listens is a copy, which must not come back to supersede in its turn.
    fn code_and_reason(self) -> (u16, &'static str) {
        match self {
            Self::Left => (1000, "the device left"),
            Self::ParticipantEnded => (1000, "the participant has ended"),
            Self::Replaced => (1000, "a newer device has taken over"),
            Self::TokenRenewed => (1000, "the participant has a new token"),
            Self::Superseded => (1000, "a newer socket of this device has taken over"),
            Self::TooManyCalls => (1008, "too many calls are waiting"),
            Self::NotJsonRpc => (1008, "too many frames that are not JSON-RPC requests"),
            Self::ServerStopping => (1012, "the server is stopping"),
        }
    }
}

impl From<CloseReason> for Closing {
    fn from(reason: CloseReason) -> Self {
        match reason {
            CloseReason::ParticipantEnded => Self::ParticipantEnded,
            CloseReason::Replaced => Self::Replaced,
            CloseReason::TokenRenewed => Self::TokenRenewed,
        }
    }
}
