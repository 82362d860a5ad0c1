//! Signatures of callbacks (Standard Webhooks 1.0.0, "Signature scheme").

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

/// The shortest secret, in bytes (Standard Webhooks).
const SECRET_LEN_MIN: usize = 24;
/// The longest secret, in bytes (Standard Webhooks).
const SECRET_LEN_MAX: usize = 64;

/// A text that is no secret. It never shows the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It does not begin with `whsec_`.
    #[error("a callback secret begins with whsec_")]
    NoPrefix,
    /// What follows the prefix is not base64.
    #[error("a callback secret is whsec_ and base64")]
    NotBase64,
    /// Shorter than 24 or longer than 64 bytes.
    #[error("a callback secret has 24 to 64 bytes")]
    Length,
}

/// What callbacks of an account are signed with; the receiver knows it too.
#[derive(Clone)]
pub struct Secret(hmac::Key);

impl Secret {
    /// The value of `webhook-signature`: one signature for each secret, so that a receiver can change from one secret
    /// to the next. `timestamp` is that of the attempt, in seconds since 1970.
    pub(crate) fn sign_all(secrets: &[Self], id: Uuid, timestamp: u64, body: &str) -> String {
        let content = format!("{}.{timestamp}.{body}", id.as_hyphenated());
        let signatures: Vec<String> = secrets.iter().map(|secret| secret.sign(content.as_bytes())).collect();
        signatures.join(" ")
    }

    fn sign(&self, content: &[u8]) -> String {
        format!("v1,{}", STANDARD.encode(hmac::sign(&self.0, content)))
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix("whsec_").ok_or(SecretError::NoPrefix)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| SecretError::NotBase64)?;
        if !(SECRET_LEN_MIN..=SECRET_LEN_MAX).contains(&bytes.len()) {
            return Err(SecretError::Length);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// The secret, message and signature with which the libraries of Standard Webhooks test themselves.
    #[test]
    fn the_example_of_the_standard_is_signed_the_same() {
        let secret: Secret = EXAMPLE.parse().unwrap();
        let content = br#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
        assert_eq!(secret.sign(content), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn every_secret_signs() {
        let first: Secret = EXAMPLE.parse().unwrap();
        let second: Secret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let one = |secret: &Secret| Secret::sign_all(std::slice::from_ref(secret), Uuid::nil(), 7, "{}");
        let both = Secret::sign_all(&[first.clone(), second.clone()], Uuid::nil(), 7, "{}");
        assert_eq!(both, format!("{} {}", one(&first), one(&second)));
        assert_eq!(one(&first), first.sign(b"00000000-0000-0000-0000-000000000000.7.{}"));
    }

    #[test]
    fn a_secret_has_24_to_64_bytes() {
        let check = |text: &str, expected: Option<SecretError>| {
            assert_eq!(text.parse::<Secret>().err(), expected, "{text}");
        };
        let of_len = |len: usize| format!("whsec_{}", STANDARD.encode(vec![1; len]));
        check(&of_len(24), None);
        check(&of_len(64), None);
        check(&of_len(23), Some(SecretError::Length));
        check(&of_len(65), Some(SecretError::Length));
        check("whsec_", Some(SecretError::Length));
        check("whsec_!!", Some(SecretError::NotBase64));
        check("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Some(SecretError::NoPrefix));
        check("", Some(SecretError::NoPrefix));
    }

    #[test]
    fn a_secret_is_never_shown() {
        assert_eq!(format!("{:?}", EXAMPLE.parse::<Secret>().unwrap()), "Secret(…)");
    }
}
