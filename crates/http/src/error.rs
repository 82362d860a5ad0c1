//! What can go wrong with a request, and the one table from refusals to HTTP.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use crosspoint_model::Refusal;
use serde_json::json;
use uuid::Uuid;

use crate::events::ListenRefusal;
use crate::write::json_response;

/// A request that was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// Credentials are missing, wrong, or good for another account.
    Unauthorized,
    /// The credentials are good, the account is disabled.
    AccountDisabled,
    /// The caller may not do this, whatever its credentials.
    Forbidden(&'static str),
    /// Something in the request is malformed or out of bounds.
    BadRequest(String),
    /// Nothing is there.
    NotFound(String),
    /// The path is there, the method isn't; these are.
    MethodNotAllowed(&'static [&'static str]),
    /// The body is too long.
    TooLarge,
    /// The body takes too long to come.
    TooSlow,
    /// The model refused.
    Refused(Refusal),
    /// The account's events can't be listened to.
    NotListening(ListenRefusal),
    /// A broken promise inside the server: which one is logged, never told.
    Internal(&'static str),
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

fn status_of_refusal(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::NoSuchSession(_) | Refusal::NoSuchParticipant(_) | Refusal::NotInSession { .. } => {
            StatusCode::NOT_FOUND
        }
        Refusal::InAnotherSession { .. }
        | Refusal::SessionFull { .. }
        | Refusal::TooManySessions { .. }
        | Refusal::TooManyParticipants { .. }
        | Refusal::TooManyIdempotencyKeys { .. } => StatusCode::CONFLICT,
        Refusal::UnknownListedParticipant(_) | Refusal::RowOfNoMember { .. } => StatusCode::BAD_REQUEST,
        Refusal::IdempotencyKeyReused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::AccountDisabled | Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Refused(refusal) => status_of_refusal(refusal),
            Self::NotListening(ListenRefusal::TooMany { .. }) => StatusCode::CONFLICT,
            Self::NotListening(ListenRefusal::Stopping) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Unauthorized => "Unauthorized".into(),
            Self::AccountDisabled => "the account is disabled".into(),
            Self::Forbidden(sentence) => (*sentence).into(),
            Self::BadRequest(sentence) | Self::NotFound(sentence) => sentence.clone(),
            Self::MethodNotAllowed(allowed) => format!("only {} can be used here", allowed.join(" and ")),
            Self::TooLarge => format!("the body is longer than {} bytes", crate::BODY_LEN_MAX),
            Self::TooSlow => "the body took too long to come".into(),
            Self::Refused(refusal) => refusal.to_string(),
            Self::NotListening(refusal) => refusal.to_string(),
            Self::Internal(_) => "something went wrong inside the server".into(),
        }
    }

    /// The response to the request of this id.
    pub(crate) fn respond(&self, request: Uuid) -> Response {
        let body = match self {
            Self::Unauthorized | Self::AccountDisabled => json!({ "message": self.sentence() }),
            _ => json!({ "error": self.sentence(), "requestId": request.to_string() }),
        };
        let mut response = json_response(self.status(), &body);
        let headers = response.headers_mut();
        match self {
            Self::Unauthorized => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
            }
            Self::MethodNotAllowed(allowed) => {
                headers.extend(allow(allowed).map(|allow| (header::ALLOW, allow)));
            }
            Self::Refused(Refusal::Unavailable) | Self::NotListening(ListenRefusal::Stopping) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

fn allow(methods: &[&str]) -> Option<HeaderValue> {
    let head = methods.contains(&"GET").then_some("HEAD");
    let all: Vec<&str> = methods.iter().copied().chain(head).collect();
    HeaderValue::from_str(&all.join(", ")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crosspoint_ids::{ParticipantId, SessionId};
    use crosspoint_model::IdempotencyKey;

    #[test]
    fn every_refusal_has_its_status() {
        let session = SessionId::new(Uuid::from_u128(1));
        let participant = ParticipantId::new(Uuid::from_u128(2));
        for (refusal, status) in [
            (Refusal::NoSuchSession(session), 404),
            (Refusal::NoSuchParticipant(participant), 404),
            (Refusal::NotInSession { participant, session }, 404),
            (Refusal::InAnotherSession { participant, session }, 409),
            (Refusal::SessionFull { session, max: 20 }, 409),
            (Refusal::TooManySessions { max: 1 }, 409),
            (Refusal::TooManyParticipants { max: 1 }, 409),
            (Refusal::UnknownListedParticipant(participant), 400),
            (Refusal::RowOfNoMember { participant, session }, 400),
            (Refusal::TooManyIdempotencyKeys { max: 1 }, 409),
            (Refusal::IdempotencyKeyReused(IdempotencyKey::new("k").unwrap()), 422),
            (Refusal::StorageFull, 507),
            (Refusal::Unavailable, 503),
        ] {
            let response = ApiError::from(refusal.clone()).respond(Uuid::nil());
            assert_eq!(response.status().as_u16(), status, "{refusal:?}");
            let retry = response.headers().get(header::RETRY_AFTER);
            assert_eq!(retry.map(|seconds| seconds == "1"), (status == 503).then_some(true), "{refusal:?}");
        }
    }

    #[test]
    fn what_broke_inside_is_not_told() {
        assert!(!ApiError::Internal("secret").sentence().contains("secret"));
    }
}
