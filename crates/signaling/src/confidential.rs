//! Text that must not reach a log.

use std::fmt;

/// Text from or for a device: whole frames (one of them holds the device's token) and SDPs (they hold ICE passwords).
/// `Debug` shows its length alone, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Confidential(String);

impl Confidential {
    /// The text, to be read.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, to be sent on.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl From<String> for Confidential {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Confidential {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Confidential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.0.len())
    }
}
