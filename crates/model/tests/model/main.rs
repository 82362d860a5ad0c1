//! Tests of the model through its public entry points.
//!
//! `*_facts.rs` hold scenarios, one rule each. `random.rs` plays random sequences of [`steps::Step`] on the model
//! beside the naive [`oracle::Oracle`] and writes a failing one to a file that replays it.

mod generate;
mod ids;
mod oracle;
mod random;
mod step_text;
mod steps;
mod tally;
mod world;
