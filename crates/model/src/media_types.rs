//! Which kinds of media something carries or may carry.

use std::fmt;
use std::ops::{BitAnd, BitOr};

/// A set of media types: audio, video, both or none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MediaTypes(u8);

impl MediaTypes {
    /// Neither audio nor video.
    pub const NONE: Self = Self(0);
    /// Audio alone.
    pub const AUDIO: Self = Self(1);
    /// Video alone.
    pub const VIDEO: Self = Self(2);

    /// Whether every type of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names that every wire uses, audio first.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [(Self::AUDIO, "AUDIO"), (Self::VIDEO, "VIDEO")]
            .into_iter()
            .filter(move |(media_type, _)| self.contains(*media_type))
            .map(|(_, name)| name)
    }
}

impl BitOr for MediaTypes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for MediaTypes {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl fmt::Debug for MediaTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
