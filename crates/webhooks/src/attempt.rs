//! One POST of a callback.
//!
//! A connection serves one attempt: callbacks are rare, each attempt is checked anew, and a receiver that restarts is
//! not met through a connection that has died.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};
use url::{Host, Url};

use crate::resolver::{GuardedResolver, ResolveError};
use crate::{AddressPolicy, Answer, Attempt, ForbiddenAddress, Secret};

/// How much of an answer's body is read, in bytes. Nothing in it counts; a short one is read so that the receiver sees
/// its answer taken.
const ANSWER_LEN_MAX: usize = 4 * 1024;

/// Why an attempt was not accepted. Never shows a URL.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttemptError {
    #[error(transparent)]
    Forbidden(#[from] ForbiddenAddress),
    #[error(transparent)]
    Name(#[from] ResolveError),
    #[error("no answer in time")]
    Timeout,
    #[error("no connection")]
    NoConnection,
    #[error("the answer is not HTTP, or ended early")]
    NoAnswer,
    #[error("answered {status}")]
    Status { status: StatusCode, retry_after: Option<Duration> },
}

/// Posts callbacks.
#[derive(Debug, Clone)]
pub(crate) struct Poster {
    client: Client,
    policy: AddressPolicy,
}

impl Poster {
    /// Fails when the machine has no root certificates.
    pub(crate) fn new(policy: AddressPolicy, timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .user_agent(concat!("crosspoint/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(GuardedResolver::new(policy))
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .pool_max_idle_per_host(0)
            .connect_timeout(timeout)
            .timeout(timeout)
            .build()?;
        Ok(Self { client, policy })
    }

    /// Posts once. `timestamp` is the time of the attempt, in seconds since 1970.
    pub(crate) async fn post(
        &self,
        attempt: &Attempt,
        secrets: &[Secret],
        timestamp: u64,
    ) -> Result<(), AttemptError> {
        let url = attempt.destination.url();
        self.check_literal(url)?;
        let delivery = &attempt.delivery;
        let mut request = self
            .client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", delivery.message_id.to_string())
            .header("webhook-timestamp", timestamp);
        if !secrets.is_empty() {
            let signatures = Secret::sign_all(secrets, delivery.message_id, timestamp, &delivery.body);
            request = request.header("webhook-signature", signatures);
        }
        let response = request.body(delivery.body.clone()).send().await.map_err(|error| reason(&error))?;
        let status = response.status();
        let retry_after = retry_after(&response);
        read_some(response).await;
        if status.is_success() { Ok(()) } else { Err(AttemptError::Status { status, retry_after }) }
    }

    /// The client asks no resolver about an address in the URL itself.
    fn check_literal(&self, url: &Url) -> Result<(), ForbiddenAddress> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.policy.check(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => self.policy.check(IpAddr::V6(address)),
            Some(Host::Domain(_)) | None => Ok(()),
        }
    }
}

impl AttemptError {
    pub(crate) fn answer(&self) -> Answer {
        match self {
            Self::Forbidden(_) | Self::Name(ResolveError::AllForbidden(_)) => Answer::Refused,
            Self::Name(ResolveError::Unresolvable) | Self::Timeout | Self::NoConnection | Self::NoAnswer => {
                Answer::Unwell { retry_after: None }
            }
            Self::Status { status, retry_after } => match *status {
                StatusCode::GONE => Answer::Gone,
                StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT => Answer::Unwell { retry_after: *retry_after },
                _ => Answer::Refused,
            },
        }
    }

    /// Whether the address guard was in the way: of interest to whoever runs the server.
    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Forbidden(_) | Self::Name(ResolveError::AllForbidden(_)))
    }
}

fn reason(error: &reqwest::Error) -> AttemptError {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(resolve) = inner.downcast_ref::<ResolveError>() {
            return resolve.clone().into();
        }
        source = inner.source();
    }
    if error.is_timeout() {
        AttemptError::Timeout
    } else if error.is_connect() {
        AttemptError::NoConnection
    } else {
        AttemptError::NoAnswer
    }
}

/// The seconds form of `Retry-After` (RFC 9110, section 10.2.3); a date is not looked at.
fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?;
    value.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

/// Reads the body up to the bound. The connection ends with the response.
async fn read_some(mut response: Response) {
    let mut len = 0;
    while len < ANSWER_LEN_MAX {
        match response.chunk().await {
            Ok(Some(chunk)) => len += chunk.len(),
            // Too late to matter: the status is known.
            Ok(None) | Err(_) => return,
        }
    }
}
