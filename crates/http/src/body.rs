//! Bodies, bounded and read into JSON.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::LengthLimitError;
use serde_json::{Map, Value};

use crate::error::ApiError;

/// The longest body, in bytes.
pub const BODY_LEN_MAX: usize = 64 * 1024;

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// Reads a body. An empty one, `null`, `{}` and `[]` all mean that nothing is given: an object without fields. What its
/// content type says does not matter.
pub(crate) async fn read_object(headers: &HeaderMap, body: Body) -> Result<Object, ApiError> {
    let bytes = read(headers, body).await?;
    if bytes.trim_ascii().is_empty() {
        return Ok(Object::new());
    }
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|error| ApiError::BadRequest(format!("the body is not valid JSON: {error}")))?;
    match value {
        Value::Null => Ok(Object::new()),
        Value::Array(list) if list.is_empty() => Ok(Object::new()),
        Value::Object(object) => Ok(object),
        _ => Err(ApiError::BadRequest("the body must be a JSON object".into())),
    }
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, ApiError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > BODY_LEN_MAX as u64) {
        return Err(ApiError::TooLarge);
    }
    #[expect(clippy::disallowed_methods, reason = "this is the place where bodies are bounded")]
    let read = axum::body::to_bytes(body, BODY_LEN_MAX).await;
    read.map_err(|error| {
        let too_long = std::error::Error::source(&error).is_some_and(|source| source.is::<LengthLimitError>());
        if too_long { ApiError::TooLarge } else { ApiError::BadRequest("the body could not be read".into()) }
    })
}
