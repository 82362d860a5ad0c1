//! The project's own commands: `cargo xtask test` is what CI runs.

mod arguments;
mod crash;
mod e2e;
mod http;
mod run;
mod server;
mod setup;
mod soak;

use std::process::ExitCode;
use std::time::Instant;

use run::{Failure, cargo, step};

const USAGE: &str = "usage: cargo xtask <command>

  test      everything: formatting, lints, unit and model tests, crashes, then end-to-end tests in real browsers
  unit      the same without the end-to-end tests
  e2e       the end-to-end tests alone; more words are names of test files in e2e/tests
  measure   times and memory, as the notes on performance quote them
  crash     kills a busy server again and again and looks for what it acknowledged: --rounds N [100], --seed S
  soak      an hour of joins, leaves and changes; memory and descriptors must stay flat: --minutes N [60], --seed S

crash and soak build the release binary, or take the one that CROSSPOINT_BIN names.";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = words.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let started = Instant::now();
    let result = match command {
        "test" => unit().and_then(|()| crash::run_briefly()).and_then(|()| e2e::test(&[])),
        "unit" => unit(),
        "e2e" => e2e::test(rest),
        "measure" => e2e::measure(),
        "crash" => crash::run(rest),
        "soak" => soak::run(rest),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => {
            println!("xtask {command}: passed in {} s", started.elapsed().as_secs());
            ExitCode::SUCCESS
        }
        Err(Failure(what)) => {
            eprintln!("xtask {command}: {what}");
            ExitCode::FAILURE
        }
    }
}

fn unit() -> Result<(), Failure> {
    step("formatting", &mut cargo(["fmt", "--all", "--check"]))?;
    let lints = ["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"];
    step("lints", &mut cargo(lints))?;
    step("unit and model tests", &mut cargo(["test", "--workspace", "--locked", "--quiet"]))
}
