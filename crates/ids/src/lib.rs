//! Identifiers and time stamps, shared by every crate.
//!
//! An identifier is made by the server and never reused. Each kind has its own type, so that a session can't be
//! passed where a participant is meant.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

/// The text is not an identifier of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id")]
pub struct ParseIdError;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that the caller made.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            /// Takes the one form that the server writes: 36 characters, hyphens, lower case.
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse_uuid(text).map(Self)
            }
        }
    };
}

uuid_id!(
    /// A session: the room in which members may exchange media.
    SessionId
);
uuid_id!(
    /// A participant: who may connect one device.
    ParticipantId
);
uuid_id!(
    /// A stream as subscribers see it; stable for the life of the stream.
    StreamId
);
uuid_id!(
    /// One device's stay: made anew whenever a device connects without resuming.
    DeviceId
);
uuid_id!(
    /// A device token; a participant has one that is valid.
    TokenId
);

fn parse_uuid(text: &str) -> Result<Uuid, ParseIdError> {
    let lower_case = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-'));
    if text.len() != 36 || !lower_case {
        return Err(ParseIdError);
    }
    Uuid::try_parse(text).map_err(|_| ParseIdError)
}

/// The longest account id, in bytes.
pub const ACCOUNT_ID_LEN_MAX: usize = 64;

/// An account: 1 to 64 ASCII letters, digits, `-`, `_` or `.`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(Arc<str>);

impl AccountId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({})", self.0)
    }
}

impl FromStr for AccountId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let allowed = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if text.is_empty() || text.len() > ACCOUNT_ID_LEN_MAX || !allowed {
            return Err(ParseIdError);
        }
        Ok(Self(text.into()))
    }
}

/// Wall-clock time in milliseconds since 1970-01-01T00:00:00Z, handed in by the shell so that pure crates need no
/// clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From milliseconds since 1970.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Seconds since 1970, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000
    }

    /// The time between `earlier` and this, zero when `earlier` is later.
    pub const fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Timestamp;

    fn add(self, duration: Duration) -> Timestamp {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Timestamp(self.0.saturating_add(millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_written_form_of_an_id_is_taken() {
        let written = "cb5054ee-a69b-41ac-9ab2-04d6370826b4";
        assert_eq!(written.parse::<SessionId>().unwrap().to_string(), written);
        for refused in [
            "",
            "CB5054EE-a69b-41ac-9ab2-04d6370826b4",
            "cb5054eea69b41ac9ab204d6370826b4",
            "{cb5054ee-a69b-41ac-9ab2-04d6370826b4}",
            "cb5054ee-a69b-41ac-9ab2-04d6370826b",
            "cb5054ee-a69b-41ac-9ab2-04d6370826bg",
            "urn:uuid:cb5054ee-a69b-41ac-9ab2-04d6370826b4",
        ] {
            assert_eq!(refused.parse::<SessionId>(), Err(ParseIdError), "{refused}");
        }
    }

    #[test]
    fn an_account_id_is_short_and_plain() {
        assert_eq!("9900000".parse::<AccountId>().unwrap().as_str(), "9900000");
        for refused in ["", "a/b", "a b", "ä", &"9".repeat(65)] {
            assert_eq!(refused.parse::<AccountId>(), Err(ParseIdError), "{refused}");
        }
    }
}
