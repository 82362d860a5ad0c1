//! The task with real sockets: receivers on loopback, which answer when and what the test says.
#![expect(clippy::unwrap_used, reason = "helpers of a test may fail it")]

mod answers;
mod form;
mod guard;
mod isolation;
mod receiver;
mod run;
