//! The state machine of a device: scenarios, named as facts, and random steps beside a checker.

mod calls;
mod checker;
mod random;
mod scene;
mod sockets;
mod stay;
mod streams;
