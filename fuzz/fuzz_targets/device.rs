//! Any sequence of steps on a device keeps its rules. Two bytes are one step.
#![no_main]

#[path = "../../crates/signaling/tests/device/checker.rs"]
mod checker;

use checker::{Checker, Step};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut checker = Checker::new();
    for step in bytes.as_chunks::<2>().0 {
        checker.take(Step::from_bytes(*step));
    }
    checker.finish();
});
