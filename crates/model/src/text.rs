//! Bounded texts that come from applications and devices.

use std::fmt;
use std::sync::Arc;

/// The longest tag, in characters.
pub const TAG_CHARS_MAX: usize = 50;
/// The longest stream alias, in characters.
pub const ALIAS_CHARS_MAX: usize = 128;
/// The longest idempotency key, in characters.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
/// The longest callback URL, in characters.
pub const CALLBACK_URL_CHARS_MAX: usize = 2_048;

/// A text that is out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// More characters than allowed.
    #[error("longer than {max} characters")]
    TooLong {
        /// How many are allowed.
        max: usize,
    },
    /// Empty, or not all visible ASCII characters.
    #[error("not one or more visible ASCII characters")]
    NotVisible,
    /// Not an absolute `http` or `https` URL.
    #[error("not an absolute http or https URL")]
    NotAnHttpUrl,
}

macro_rules! bounded_text {
    ($(#[$doc:meta])* $name:ident, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text inside.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            fn bounded(text: &str) -> Result<Self, TextError> {
                // A character has at least one byte, so the cheap length settles most cases.
                if text.len() > $max && text.chars().count() > $max {
                    return Err(TextError::TooLong { max: $max });
                }
                Ok(Self(text.into()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

bounded_text!(
    /// A label that an application gives to a session or participant: at most 50 characters, not unique.
    Tag,
    TAG_CHARS_MAX
);
bounded_text!(
    /// The name that a device gives to a stream: at most 128 characters. An empty one names no stream.
    Alias,
    ALIAS_CHARS_MAX
);
bounded_text!(
    /// Where events about a participant are posted: an absolute http(s) URL of at most 2,048 characters.
    CallbackUrl,
    CALLBACK_URL_CHARS_MAX
);
bounded_text!(
    /// The name under which an application may ask for the same thing again: 1 to 255 visible ASCII characters.
    IdempotencyKey,
    IDEMPOTENCY_KEY_CHARS_MAX
);

impl IdempotencyKey {
    /// Takes a text of 1 to 255 visible ASCII characters.
    pub fn new(text: &str) -> Result<Self, TextError> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TextError::NotVisible);
        }
        Self::bounded(text)
    }
}

impl Tag {
    /// Takes a text of at most 50 characters.
    pub fn new(text: &str) -> Result<Self, TextError> {
        Self::bounded(text)
    }
}

impl Alias {
    /// Takes a text of at most 128 characters.
    pub fn new(text: &str) -> Result<Self, TextError> {
        Self::bounded(text)
    }
}

impl CallbackUrl {
    /// Takes an absolute http(s) URL with a host, of at most 2,048 characters.
    pub fn new(text: &str) -> Result<Self, TextError> {
        let rest = ["http://", "https://"].iter().find_map(|scheme| {
            let head = text.get(..scheme.len())?;
            head.eq_ignore_ascii_case(scheme).then(|| text.get(scheme.len()..))?
        });
        let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
        let printable = !text.chars().any(|c| c.is_whitespace() || c.is_control());
        match host {
            Some(host) if !host.is_empty() && printable => Self::bounded(text),
            _ => Err(TextError::NotAnHttpUrl),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_count_characters_not_bytes() {
        assert!(Tag::new(&"ä".repeat(50)).is_ok());
        assert_eq!(Tag::new(&"ä".repeat(51)), Err(TextError::TooLong { max: 50 }));
        assert!(Alias::new(&"x".repeat(128)).is_ok());
        assert_eq!(Alias::new(&"x".repeat(129)), Err(TextError::TooLong { max: 128 }));
    }

    #[test]
    fn an_idempotency_key_is_visible() {
        assert!(IdempotencyKey::new(&"!".repeat(255)).is_ok());
        assert_eq!(IdempotencyKey::new(&"!".repeat(256)), Err(TextError::TooLong { max: 255 }));
        for refused in ["", "a b", "ä", "a\n"] {
            assert_eq!(IdempotencyKey::new(refused), Err(TextError::NotVisible), "{refused:?}");
        }
    }

    #[test]
    fn a_callback_url_is_absolute_http() {
        for taken in ["http://a", "https://example.com/callback?x=1", "HTTPS://example.com"] {
            assert!(CallbackUrl::new(taken).is_ok(), "{taken}");
        }
        for refused in
            ["", "example.com", "ftp://a", "http://", "http:///x", "https://?x", "http://a b", "//a"]
        {
            assert_eq!(CallbackUrl::new(refused), Err(TextError::NotAnHttpUrl), "{refused}");
        }
        let long = format!("http://a/{}", "x".repeat(CALLBACK_URL_CHARS_MAX));
        assert_eq!(CallbackUrl::new(&long), Err(TextError::TooLong { max: CALLBACK_URL_CHARS_MAX }));
    }
}
