//! Bodies: bounded in length and time, and read into JSON.
//!
//! Whatever is answered, the body is taken in first. A client that still writes when the server closes the connection
//! gets a reset, and the answer may be lost with it.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use serde_json::{Map, Value};
use tokio::time::{Duration, Instant, timeout_at};

use crate::error::ApiError;

/// The longest body, in bytes.
pub const BODY_LEN_MAX: usize = 64 * 1024;
/// How long a body may take to come.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// How much of what nobody reads is taken in, in bytes: what well-meaning clients send by mistake.
const DISCARD_LEN_MAX: usize = 16 * 1024 * 1024;
/// How long what nobody reads may take to come.
const DISCARD_TIME_MAX: Duration = Duration::from_secs(5);

/// A JSON object. Of a field that is given twice, the last counts.
pub(crate) type Object = Map<String, Value>;

/// Whether the other side has sent all of its body, so that the connection can serve another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyEnd {
    /// It has.
    Reached,
    /// It hasn't, and nobody waits for the rest.
    NotReached,
}

/// A body on its way in.
#[derive(Debug)]
pub(crate) struct Intake {
    body: Body,
    announced: Option<u64>,
    waits_for_leave: bool,
}

impl Intake {
    pub(crate) fn new(headers: &HeaderMap, body: Body) -> Self {
        let announced =
            headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        Self { body, announced, waits_for_leave: headers.contains_key(header::EXPECT) }
    }

    /// Reads the body as an object. An empty one, `null`, `{}` and `[]` all mean that nothing is given: an object
    /// without fields. What its content type says does not matter.
    pub(crate) async fn object(&mut self) -> Result<Object, ApiError> {
        self.object_and_text().await.map(|(object, _)| object)
    }

    /// The same, with the bytes as they came.
    pub(crate) async fn object_and_text(&mut self) -> Result<(Object, Vec<u8>), ApiError> {
        let bytes = self.read().await?;
        if bytes.trim_ascii().is_empty() {
            return Ok((Object::new(), bytes));
        }
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|error| ApiError::BadRequest(format!("the body is not valid JSON: {error}")))?;
        let object = match value {
            Value::Null => Object::new(),
            Value::Array(list) if list.is_empty() => Object::new(),
            Value::Object(object) => object,
            _ => return Err(ApiError::BadRequest("the body must be a JSON object".into())),
        };
        Ok((object, bytes))
    }

    async fn read(&mut self) -> Result<Vec<u8>, ApiError> {
        if self.announced.is_some_and(|length| length > BODY_LEN_MAX as u64) {
            return Err(ApiError::TooLarge);
        }
        self.waits_for_leave = false;
        let deadline = Instant::now() + BODY_TIME_MAX;
        let mut bytes = Vec::new();
        while let Some(piece) = self.piece(deadline).await? {
            if bytes.len() + piece.len() > BODY_LEN_MAX {
                return Err(ApiError::TooLarge);
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    /// Takes in what is left, within bounds, and forgets it. Who asked for leave to send a body does not get it here.
    pub(crate) async fn discard_rest(mut self) -> BodyEnd {
        if self.waits_for_leave {
            return BodyEnd::NotReached;
        }
        let deadline = Instant::now() + DISCARD_TIME_MAX;
        let mut left = DISCARD_LEN_MAX;
        loop {
            match self.piece(deadline).await {
                Ok(None) => return BodyEnd::Reached,
                Ok(Some(piece)) if piece.len() <= left => left -= piece.len(),
                Ok(Some(_)) | Err(_) => return BodyEnd::NotReached,
            }
        }
    }

    /// The next bytes; `None` at the end.
    async fn piece(&mut self, deadline: Instant) -> Result<Option<Bytes>, ApiError> {
        let frame = timeout_at(deadline, self.body.frame()).await.map_err(|_| ApiError::TooSlow)?;
        let Some(frame) = frame else { return Ok(None) };
        let frame = frame.map_err(|_| ApiError::BadRequest("the body ended before its end".into()))?;
        // Trailers say nothing here.
        Ok(Some(frame.into_data().unwrap_or_default()))
    }
}
