//! Calls of a device: answered in order, one at a time in the media plane, their replies kept until they arrived.

use std::collections::VecDeque;

use super::{CallNumber, Side};
use crate::Confidential;
use crate::rpc::{AnswerSdp, CallId, OfferSdp};

/// The most calls that wait behind the one in the media plane. A client has two at once: one publishes, one subscribes.
pub const CALLS_WAITING_MAX: usize = 32;
/// The most replies that are kept until it is known that they arrived. When it is reached, the oldest is taken for
/// arrived; it is more than can wait, so what was never sent is not among those.
pub const REPLIES_KEPT_MAX: usize = 64;

/// The calls that are not done.
#[derive(Debug)]
pub(super) struct Calls {
    last: u64,
    in_media: Option<InMedia>,
    waiting: VecDeque<Waiting>,
    /// Oldest first. What was sent may have been lost with the socket.
    kept: VecDeque<Reply>,
}

/// What a call wants.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing that takes time: this is the reply.
    Reply(String),
    /// The media plane's word on an offer.
    Publish(CallId, OfferSdp),
    /// The media plane's word on an answer.
    Subscribe(CallId, AnswerSdp),
}

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Due {
    /// Answer a call.
    Reply(CallNumber, String),
    /// Ask the media plane.
    Publish(CallNumber, OfferSdp),
    /// Ask the media plane.
    Subscribe(CallNumber, AnswerSdp),
}

/// A reply whose arrival is not certain.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) call: CallNumber,
    pub(super) text: Confidential,
}

/// Too many calls wait.
#[derive(Debug)]
pub(super) struct Full;

#[derive(Debug)]
struct InMedia {
    call: CallNumber,
    side: Side,
    id: CallId,
}

#[derive(Debug)]
struct Waiting {
    call: CallNumber,
    step: Step,
}

impl Calls {
    pub(super) fn new() -> Self {
        Self { last: 0, in_media: None, waiting: VecDeque::new(), kept: VecDeque::new() }
    }

    /// Puts a call behind the others.
    pub(super) fn push(&mut self, step: Step) -> Result<(), Full> {
        if self.waiting.len() >= CALLS_WAITING_MAX {
            return Err(Full);
        }
        self.last += 1;
        self.waiting.push_back(Waiting { call: CallNumber(self.last), step });
        Ok(())
    }

    /// What is to be done; `None` while the media plane has its turn, or no call waits.
    pub(super) fn next_due(&mut self) -> Option<Due> {
        if self.in_media.is_some() {
            return None;
        }
        let Waiting { call, step } = self.waiting.pop_front()?;
        Some(match step {
            Step::Reply(text) => Due::Reply(call, text),
            Step::Publish(id, offer) => {
                self.in_media = Some(InMedia { call, side: Side::Publish, id });
                Due::Publish(call, offer)
            }
            Step::Subscribe(id, answer) => {
                self.in_media = Some(InMedia { call, side: Side::Subscribe, id });
                Due::Subscribe(call, answer)
            }
        })
    }

    /// The media plane had its turn. The id under which the call is answered; `None` when it is not its turn.
    pub(super) fn finish(&mut self, call: CallNumber, side: Side) -> Option<CallId> {
        self.in_media
            .take_if(|in_media| in_media.call == call && in_media.side == side)
            .map(|in_media| in_media.id)
    }

    /// Keeps a reply until its arrival is confirmed.
    pub(super) fn keep(&mut self, call: CallNumber, text: Confidential) {
        if self.kept.len() >= REPLIES_KEPT_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back(Reply { call, text });
    }

    /// This reply and those before it arrived.
    pub(super) fn confirm(&mut self, call: u64) {
        while self.kept.front().is_some_and(|reply| reply.call.0 <= call) {
            self.kept.pop_front();
        }
    }

    /// The replies that may not have arrived, oldest first.
    pub(super) fn kept(&self) -> impl Iterator<Item = &Reply> {
        self.kept.iter()
    }

    /// Forgets all calls; none of them is answered.
    pub(super) fn clear(&mut self) {
        self.in_media = None;
        self.waiting.clear();
        self.kept.clear();
    }
}
