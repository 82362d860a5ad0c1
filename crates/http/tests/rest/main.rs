//! The control API through its router, with the real model behind it: what goes in and what comes out, nothing else.
//!
//! Whatever a test is about, `stage.rs` checks on every answer what all answers have in common.

#![allow(clippy::unwrap_used, reason = "what a test unwraps it asserts")]

mod bodies;
mod demo;
mod events;
mod idempotency;
mod isolation;
mod listings;
mod matrix;
mod members;
mod paths;
mod resources;
mod socket;
mod stage;
mod subscriptions;
mod sweep;
mod token;
