//! Callbacks: how applications hear, over HTTP, what happens to their participants.
//!
//! A callback is made and made durable elsewhere; here it is delivered, as a [`Delivery`]. The [`Queue`] decides which one
//! is attempted when: it is pure, time and jitter come in as arguments. [`Webhooks`] is the task around it, with the
//! clock, the sockets and the randomness. Requests are signed after Standard Webhooks ([`Secret`]) and go only to
//! addresses that the [`AddressPolicy`] allows.
//!
//! Not here: which event makes a callback, and where the durable queue is kept. Whoever holds that deletes a record
//! when it is told that its delivery is [`Finished`].
//!
//! Invariants:
//! - callbacks of one participant arrive in order; the next is attempted after the one before it is finished;
//! - a callback is finished exactly once in a run of the server, and again attempted after a restart if it was not;
//! - logs, errors and `Debug` never show a secret, a body, or more of a URL than its origin.

mod address;
mod attempt;
mod backoff;
mod callback;
mod clock;
mod counts;
mod delivery;
mod destination;
mod line_bound;
mod outcome;
mod queue;
mod resolver;
mod secret;
mod webhooks;

pub use address::{AddressKind, AddressPolicy, ForbiddenAddress};
pub use callback::{Callback, CallbackEvent, CallbackStream};
pub use counts::Counts;
pub use delivery::Delivery;
pub use destination::{Destination, DestinationError, Origin};
pub use outcome::{Answer, DropReason, Finished, Outcome};
pub use queue::{Attempt, Limits, Output, Queue};
pub use secret::{Secret, SecretError};
pub use webhooks::{Config, StartError, Webhooks};
