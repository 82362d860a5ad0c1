//! Ids of calls.

use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;

use super::params;

/// The longest id of a call, in bytes of its JSON.
pub const CALL_ID_LEN_MAX: usize = 256;

/// The id of a call: a string, a number or null, kept as the device wrote it so that the reply echoes it to the byte.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub struct CallId(Box<RawValue>);

impl CallId {
    /// The id of a reply to something that has none.
    pub fn null() -> Self {
        Self(RawValue::NULL.to_owned())
    }

    /// The id of a call that is counted, as a client would write it.
    pub(crate) fn from_number(number: u64) -> Self {
        let json = RawValue::from_string(number.to_string());
        json.map_or_else(|_| Self::null(), Self)
    }

    /// `None` when it is no whole number from 0 on.
    pub(crate) fn as_number(&self) -> Option<u64> {
        self.as_json().parse().ok()
    }

    /// `None` for an object, an array, a boolean, a string that is not Unicode, or what is longer than
    /// [`CALL_ID_LEN_MAX`].
    pub(super) fn new(json: &RawValue) -> Option<Self> {
        let allowed = json.get().len() <= CALL_ID_LEN_MAX
            && match json.get().bytes().next() {
                Some(b'"') => params::text(json).is_some(),
                Some(b'-' | b'0'..=b'9' | b'n') => true,
                _ => false,
            };
        allowed.then(|| Self(json.to_owned()))
    }

    /// The id as JSON.
    pub fn as_json(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for CallId {
    /// Two ids are the same when they are written the same.
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

impl Eq for CallId {}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallId({})", self.as_json())
    }
}
