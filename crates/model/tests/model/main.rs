//! Tests of the model through its public entry points.
//!
//! `*_facts.rs` hold scenarios, one rule each. `random.rs` plays random sequences of [`steps::Step`] on the model
//! beside the naive [`oracle::Oracle`] and writes a failing one to a file that replays it.

#![allow(clippy::unwrap_used, reason = "what a test unwraps it asserts")]

mod checks;
mod control_facts;
mod device_facts;
mod event_facts;
mod generate;
mod idempotency_facts;
mod ids;
mod lifetime_facts;
mod mirror;
mod names;
mod oracle;
mod oracle_answers;
mod random;
mod routing_facts;
mod stage;
mod step_text;
mod steps;
mod subscription_facts;
mod tally;
mod world;
