//! Running other programs, with a line before and a reason after.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// Why a command of ours failed, as a sentence.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

/// The top of the repository.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or(here.clone(), PathBuf::from)
}

/// A call of the cargo that runs this.
pub(crate) fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// Runs one step to its end.
pub(crate) fn step(name: &str, command: &mut Command) -> Result<(), Failure> {
    println!("xtask: {name} …");
    let started = Instant::now();
    let status = command.status().map_err(|error| {
        Failure(format!("{name}: {} can't be run: {error}", command.get_program().to_string_lossy()))
    })?;
    if !status.success() {
        return Err(Failure(format!("{name} failed ({status})")));
    }
    println!("xtask: {name}: {} s", started.elapsed().as_secs());
    Ok(())
}
