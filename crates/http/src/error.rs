//! The one table from refusals to HTTP.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use crosspoint_model::Refusal;
use serde_json::json;
use uuid::Uuid;

use crate::write::json_response;

/// Stands on every response.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request that was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// Credentials are missing, wrong, or good for another account.
    Unauthorized,
    /// Something in the request is malformed or out of bounds.
    BadRequest(String),
    /// Nothing is there.
    NotFound(String),
    /// The path is there, the method isn't.
    MethodNotAllowed(&'static [&'static str]),
    /// The body is too long.
    TooLarge,
    /// The model refused.
    Refused(Refusal),
    /// The caller may not do this, whatever its credentials.
    Forbidden(&'static str),
    /// A broken promise inside the server; said and logged without details of it.
    Internal,
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
        | Refusal::TooManyParticipants { .. } => StatusCode::CONFLICT,
        Refusal::UnknownListedParticipant(_) | Refusal::RowOfNoMember { .. } => StatusCode::BAD_REQUEST,
        Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Refused(refusal) => status_of_refusal(refusal),
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Unauthorized => "Unauthorized".into(),
            Self::BadRequest(sentence) | Self::NotFound(sentence) => sentence.clone(),
            Self::MethodNotAllowed(allowed) => format!("only {} can be used here", allowed.join(", ")),
            Self::TooLarge => format!("the body is longer than {} bytes", crate::BODY_LEN_MAX),
            Self::Refused(refusal) => refusal.to_string(),
            Self::Forbidden(sentence) => (*sentence).into(),
            Self::Internal => "something went wrong inside the server".into(),
        }
    }

    /// The response, under the id that the log line has too.
    pub(crate) fn respond(&self, request: Uuid) -> Response {
        let body = match self {
            Self::Unauthorized => json!({ "message": self.sentence() }),
            _ => json!({ "error": self.sentence(), "requestId": request.to_string() }),
        };
        let mut response = json_response(self.status(), &body);
        let headers = response.headers_mut();
        match self {
            Self::Unauthorized => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
            }
            Self::MethodNotAllowed(allowed) => {
                if let Ok(allowed) = HeaderValue::from_str(&allowed.join(", ")) {
                    headers.insert(header::ALLOW, allowed);
                }
            }
            Self::Refused(Refusal::Unavailable) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::TooLarge => {
                // The rest of the body is not read.
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}

/// Puts the request's id on its response and writes the one log line.
pub(crate) fn finish(result: Result<Response, ApiError>, request: Uuid, method: &str, place: &str) -> Response {
    let mut response = match result {
        Ok(response) => response,
        Err(error) => error.respond(request),
    };
    if let Ok(id) = HeaderValue::from_str(&request.to_string()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let status = response.status().as_u16();
    tracing::debug!(%request, method, place, status, "request");
    response.into_response()
}
