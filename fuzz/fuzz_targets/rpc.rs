//! Any text frame of a device is parsed, and a refusal can be told.
#![no_main]

use crosspoint_signaling::rpc::{Frame, parse, refuse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Frame::Refused { id, refusal } = parse(text) {
        // A number may be too large for a parser that wants its value; it is echoed all the same.
        let reply = refuse(&id, &refusal);
        assert!(serde_json::from_str::<&serde_json::value::RawValue>(&reply).is_ok());
    }
});
