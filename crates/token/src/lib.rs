//! The device token: what an application hands to a device, and what the device shows at the door.
//!
//! It is a JWT (RFC 7519) signed with HS256 under the server's own secret. Not here: whether the participant still
//! exists and whether this is its current token; the model knows that.

use std::fmt;

use crosspoint_ids::{AccountId, ParticipantId, Timestamp, TokenId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// The longest token that is looked at, in bytes. Ours have about 400.
const TOKEN_LEN_MAX: usize = 2_048;
const ISSUER: &str = "crosspoint";
/// Clients read this claim to choose the device API, without verifying.
const DEVICE_API_VERSION: &str = "v3";

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceToken {
    /// The participant's account.
    pub account: AccountId,
    /// Who may connect a device with it.
    pub participant: ParticipantId,
    /// Its own id.
    pub token: TokenId,
    /// When it was made; kept in whole seconds.
    pub issued_at: Timestamp,
    /// From when on it is not valid; kept in whole seconds.
    pub expires_at: Timestamp,
}

/// Why a token is not taken. Whoever shows it learns no more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Longer than any of ours.
    #[error("the token is too long")]
    TooLong,
    /// Not signed by us, or not of our form.
    #[error("the token is not valid")]
    Invalid,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
}

/// Signs and verifies tokens.
#[derive(Clone)]
pub struct TokenKey {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(…)")
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    a: String,
    p: String,
    v: String,
    tid: String,
    iss: String,
    iat: u64,
    exp: u64,
}

impl TokenKey {
    /// A key from the server's secret.
    pub fn new(secret: [u8; 32]) -> Self {
        Self { encoding: EncodingKey::from_secret(&secret), decoding: DecodingKey::from_secret(&secret) }
    }

    /// The token as text.
    pub fn sign(&self, token: &DeviceToken) -> String {
        let claims = Claims {
            a: token.account.as_str().to_owned(),
            p: token.participant.to_string(),
            v: DEVICE_API_VERSION.to_owned(),
            tid: token.token.to_string(),
            iss: ISSUER.to_owned(),
            iat: token.issued_at.as_secs(),
            exp: token.expires_at.as_secs(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .expect("claims of text and numbers serialise, and HMAC takes any key")
    }

    /// Reads a token, if it is ours and its time is not over.
    pub fn verify(&self, now: Timestamp, text: &str) -> Result<DeviceToken, TokenError> {
        if text.len() > TOKEN_LEN_MAX {
            return Err(TokenError::TooLong);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        // Time comes in as an argument, so the library must not look at the clock.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(text, &self.decoding, &validation)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        if claims.v != DEVICE_API_VERSION {
            return Err(TokenError::Invalid);
        }
        if claims.exp <= now.as_secs() {
            return Err(TokenError::Expired);
        }
        Ok(DeviceToken {
            account: claims.a.parse().map_err(|_| TokenError::Invalid)?,
            participant: claims.p.parse().map_err(|_| TokenError::Invalid)?,
            token: claims.tid.parse().map_err(|_| TokenError::Invalid)?,
            issued_at: Timestamp::from_millis(claims.iat.saturating_mul(1_000)),
            expires_at: Timestamp::from_millis(claims.exp.saturating_mul(1_000)),
        })
    }
}
