//! The `Idempotency-Key` header: the same POST again is answered as the first one was.

use aws_lc_rs::digest;
use axum::http::{HeaderMap, HeaderName};
use crosspoint_model::{Fingerprint, Idempotency, IdempotencyKey, TextError};

use crate::error::ApiError;
use crate::path::Target;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The key of a request, with a digest of what is asked under it: where, and with which body.
pub(crate) fn read(
    headers: &HeaderMap,
    target: &Target,
    body: &[u8],
) -> Result<Option<Idempotency>, ApiError> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let wrong = |problem: TextError| ApiError::BadRequest(format!("the Idempotency-Key header is {problem}"));
    let text = value.to_str().map_err(|_| wrong(TextError::NotVisible))?;
    let key = IdempotencyKey::new(text).map_err(wrong)?;
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(format!("{target:?}\n").as_bytes());
    context.update(body);
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(context.finish().as_ref());
    Ok(Some(Idempotency { key, fingerprint: Fingerprint(fingerprint) }))
}
