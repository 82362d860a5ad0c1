//! The control API over HTTP: what applications' backends speak to the server.
//!
//! The edge alone: it reads paths, credentials and bodies into the model's types, hands them to a [`Control`], and
//! writes what comes back. It decides nothing about sessions or participants and keeps no state of them.
//!
//! Invariants:
//! - paths are matched as they come, before percent-decoding: an id of any shape is a 404, nothing is redirected;
//! - credentials are checked before anything is said about the rest of a request;
//! - every response has a request id, and every body is JSON.

mod accounts;
mod api;
mod body;
mod demo;
mod error;
mod events;
mod exchange;
mod idempotency;
mod operations;
mod pages;
mod path;
mod read;
mod write;

pub use accounts::{Accounts, Credential};
pub use api::{Control, router};
pub use body::BODY_LEN_MAX;
pub use demo::demo_router;
pub use events::{EventId, ListenRefusal, Listening, ToldEvent};
pub use path::{ROUTES, RouteTemplate};
