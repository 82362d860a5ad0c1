//! Listings in parts: `limit`, `after`, and the `Link` header to the next part (RFC 8288).

use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crosspoint_model::PageRequest;

use crate::error::ApiError;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// Reads which part of a listing a query asks for. Of a parameter that is given twice, the last counts.
pub(crate) fn read_page(query: Option<&str>) -> Result<PageRequest, ApiError> {
    let mut page = PageRequest { limit: LIMIT_DEFAULT, before: None };
    for pair in query.unwrap_or_default().split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match key {
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                page.limit = limit.ok_or_else(|| {
                    ApiError::BadRequest(format!("limit must be a number from 1 to {LIMIT_MAX}"))
                })?;
            }
            "after" => {
                let before = read_cursor(value).ok_or_else(|| {
                    ApiError::BadRequest("after must come from the Link header of a listing".into())
                })?;
                page.before = Some(before);
            }
            _ => {}
        }
    }
    Ok(page)
}

/// The way from a listing at this path to its next part.
pub(crate) fn link(path: &str, limit: usize, next: u64) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("<{path}?limit={limit}&after={}>; rel=\"next\"", write_cursor(next))).ok()
}

fn write_cursor(sequence: u64) -> String {
    URL_SAFE_NO_PAD.encode(sequence.to_be_bytes())
}

fn read_cursor(text: &str) -> Option<u64> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_asks_for_a_part_or_is_refused_by_the_parameters_name() {
        let cursor = format!("after={}", write_cursor(7));
        for (query, expected) in [
            (None, Ok((100, None))),
            (Some(""), Ok((100, None))),
            (Some("&&"), Ok((100, None))),
            (Some("other=1&limitless"), Ok((100, None))),
            (Some("limit=1"), Ok((1, None))),
            (Some("limit=1000"), Ok((1_000, None))),
            (Some("limit=5&limit=6"), Ok((6, None))),
            (Some(cursor.as_str()), Ok((100, Some(7)))),
            (Some("limit"), Err("limit")),
            (Some("limit="), Err("limit")),
            (Some("limit=0"), Err("limit")),
            (Some("limit=1001"), Err("limit")),
            (Some("limit=-1"), Err("limit")),
            (Some("limit=1.5"), Err("limit")),
            (Some("limit=99999999999999999999999"), Err("limit")),
            (Some("limit=%31"), Err("limit")),
            (Some("after="), Err("after")),
            (Some("after=!"), Err("after")),
            (Some("after=AAAA"), Err("after")),
            (Some("after=AAAAAAAAAAc="), Err("after")),
            (Some("after=AAAAAAAAAAAAAAAAAAAA"), Err("after")),
        ] {
            match (read_page(query), expected) {
                (Ok(page), Ok(expected)) => assert_eq!((page.limit, page.before), expected, "{query:?}"),
                (Err(ApiError::BadRequest(sentence)), Err(name)) => {
                    assert!(sentence.starts_with(name), "{query:?}: {sentence}");
                }
                (page, expected) => panic!("{query:?}: {page:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn cursors_read_back_and_need_no_escaping() {
        for sequence in [0, 1, 0xfb_ff_fe, u64::MAX] {
            let text = write_cursor(sequence);
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{text}");
            assert_eq!(read_cursor(&text), Some(sequence));
        }
    }
}
