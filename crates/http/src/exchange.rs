//! One request and its answer: the id that stands on both, and the one log line that has it too.
//!
//! Requests that came with good credentials are logged at `info`, those of strangers at `debug`: nobody without
//! credentials can fill the log.

use std::time::Instant;

use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::response::Response;
use crosspoint_ids::AccountId;
use uuid::Uuid;

use crate::body::BodyEnd;
use crate::error::ApiError;

/// Stands on every response.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is known of a request while it is served.
#[derive(Debug)]
pub(crate) struct Exchange {
    id: Uuid,
    begun: Instant,
    method: &'static str,
    /// The path without ids and secrets; known once it is matched.
    pub(crate) route: &'static str,
    /// Whose request it is; known once the credentials are checked.
    pub(crate) account: Option<AccountId>,
}

impl Exchange {
    pub(crate) fn begin(method: &Method) -> Self {
        let method = method_name(method);
        Self { id: Uuid::new_v4(), begun: Instant::now(), method, route: "unknown", account: None }
    }

    /// Makes the response, puts the id on it and writes the log line.
    pub(crate) fn end(self, result: Result<Response, ApiError>, body: BodyEnd) -> Response {
        if let Err(ApiError::Internal(what)) = &result {
            tracing::error!(request = %self.id, what, "a request met a broken promise");
        }
        let mut response = result.unwrap_or_else(|error| error.respond(self.id));
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&self.id.to_string()) {
            headers.insert(REQUEST_ID, id);
        }
        if body == BodyEnd::NotReached {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        self.log(response.status().as_u16());
        response
    }

    fn log(&self, status: u16) {
        let Self { id, begun, method, route, account } = self;
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        match account {
            Some(account) => {
                tracing::info!(request = %id, method, route, status, %account, micros, "request")
            }
            None => tracing::debug!(request = %id, method, route, status, micros, "request"),
        }
    }
}

/// A method as it is logged; what others there are is up to whoever asks.
fn method_name(method: &Method) -> &'static str {
    const KNOWN: [Method; 7] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::OPTIONS,
    ];
    const NAMES: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
    let known = KNOWN.iter().zip(NAMES).find(|(known, _)| *known == method);
    known.map_or("another", |(_, name)| name)
}
