//! What a random sequence is made of: small numbers, so that the same things are touched again and again.

/// How many accounts there are.
pub(crate) const ACCOUNTS: u8 = 2;
/// How many slots for sessions, shared by all accounts.
pub(crate) const SESSIONS: u8 = 4;
/// How many slots for participants, shared by all accounts.
pub(crate) const PARTICIPANTS: u8 = 12;
/// How many slots for devices.
pub(crate) const DEVICES: u8 = 12;
/// How many stream ids.
pub(crate) const STREAMS: u8 = 12;
/// How many aliases.
pub(crate) const ALIASES: u8 = 3;

/// What a slot holds now, or held some generations ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ref {
    pub(crate) slot: u8,
    pub(crate) ago: u8,
}

impl Ref {
    /// What a slot holds now.
    pub(crate) fn latest(slot: u8) -> Self {
        Self { slot, ago: 0 }
    }
}

/// One thing that happens. A slot gets a new generation, and with it a new id, whenever something is made in it.
/// Something that is still there stays reachable: nothing is made in its slot, unless to be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    CreateSession {
        account: u8,
        slot: u8,
    },
    DeleteSession {
        account: u8,
        session: Ref,
    },
    CreateParticipant {
        account: u8,
        slot: u8,
    },
    DeleteParticipant {
        account: u8,
        participant: Ref,
    },
    Renew {
        account: u8,
        participant: Ref,
    },
    Add {
        account: u8,
        session: Ref,
        participant: Ref,
        wish: Option<Wish>,
    },
    Remove {
        account: u8,
        session: Ref,
        participant: Ref,
    },
    Subscribe {
        account: u8,
        session: Ref,
        participant: Ref,
        wish: Wish,
    },
    Matrix {
        account: u8,
        session: Ref,
        rows: Vec<(Ref, Wish)>,
    },
    /// A new device for a participant.
    Connect {
        participant: Ref,
        slot: u8,
    },
    /// A device that was seen before is reported as connected once more.
    ConnectAgain {
        participant: Ref,
        device: Ref,
    },
    Gone {
        device: Ref,
    },
    Publish {
        device: Ref,
        streams: Vec<Published>,
    },
    /// Time passes, and what is over ends.
    Wait {
        millis: u64,
    },
    /// Time passes, and nobody looks at the clock.
    Lag {
        millis: u64,
    },
    /// The server comes back with nothing but its records; devices and streams are reported anew.
    Restart,
}

/// What a subscriber wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    Nothing,
    Everybody,
    /// These participants, and of each these aliases; none means all streams.
    Only(Vec<(Ref, Vec<u8>)>),
}

/// A stream in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) stream: u8,
    pub(crate) alias: Option<u8>,
    pub(crate) media: u8,
}
