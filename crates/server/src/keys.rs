//! The keys that come from the server's one secret, each for its own purpose (RFC 5869 section 2.3, expand only).

use aws_lc_rs::hmac;
use crosspoint_store::ServerSecret;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Signs device tokens.
    DeviceTokens,
    /// Makes ICE passwords.
    IcePasswords,
}

/// A key of 256 bits. The same secret and purpose give the same key.
pub(crate) fn derive(secret: &ServerSecret, purpose: Purpose) -> [u8; 32] {
    let label = match purpose {
        Purpose::DeviceTokens => "crosspoint device tokens v1",
        Purpose::IcePasswords => "crosspoint ICE passwords v1",
    };
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), label.as_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(tag.as_ref());
    key
}
