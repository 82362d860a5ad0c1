//! Listings in parts: `limit`, `after`, and the `Link` header to the next part (RFC 8288).

use axum::http::{HeaderValue, Uri, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crosspoint_model::{Page, PageRequest};

use crate::error::ApiError;
use crate::read::bad;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// Reads what part of a listing the query asks for.
pub(crate) fn read_page(uri: &Uri) -> Result<PageRequest, ApiError> {
    let mut page = PageRequest { limit: LIMIT_DEFAULT, before: None };
    for pair in uri.query().unwrap_or_default().split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match key {
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                page.limit = limit.ok_or_else(|| bad(format!("limit must be a number from 1 to {LIMIT_MAX}")))?;
            }
            "after" => {
                let before = read_cursor(value);
                page.before = Some(before.ok_or_else(|| bad("after must come from the Link header of a listing"))?);
            }
            _ => {}
        }
    }
    Ok(page)
}

/// Puts the way to the next part on a response, when there is one.
pub(crate) fn link_next<T>(mut response: Response, uri: &Uri, limit: usize, page: &Page<T>) -> Response {
    let Some(next) = page.next else { return response };
    let link = format!("<{}?limit={limit}&after={}>; rel=\"next\"", uri.path(), write_cursor(next));
    if let Ok(link) = HeaderValue::from_str(&link) {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

fn write_cursor(sequence: u64) -> String {
    URL_SAFE_NO_PAD.encode(sequence.to_be_bytes())
}

fn read_cursor(text: &str) -> Option<u64> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}
