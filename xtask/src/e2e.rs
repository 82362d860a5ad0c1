//! The end-to-end tests: real browsers, a real server SDK, and the release binary.

use std::path::PathBuf;
use std::process::Command;

use crate::run::{Failure, cargo, root, step};
use crate::setup::{find, system_packages};

/// Runs the tests, all of them or those in the named files.
pub(crate) fn test(files: &[String]) -> Result<(), Failure> {
    prepare()?;
    let mut tests = match files {
        [] => tool("npm", &["test"]),
        files => {
            let mut node = tool("node", &["--test", "--test-concurrency=1", "--test-reporter=spec"]);
            node.args(files.iter().map(|file| format!("tests/{file}")));
            node
        }
    };
    step("end-to-end tests", &mut tests)
}

/// Prints times and memory.
pub(crate) fn measure() -> Result<(), Failure> {
    prepare()?;
    step("measurements", &mut tool("npm", &["run", "measure"]))
}

fn prepare() -> Result<(), Failure> {
    step("server", &mut cargo(["build", "--release", "--locked"]))?;
    system_packages()?;
    step("npm packages", &mut tool("npm", &["ci", "--no-fund", "--no-audit"]))?;
    python_packages()
}

fn folder() -> PathBuf {
    root().join("e2e")
}

fn tool(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder()).env("CROSSPOINT_BIN", root().join("target/release/crosspoint"));
    if let Some(chromium) = find("chromium") {
        command.env("CHROMIUM_BIN", chromium);
    }
    command
}

fn python_packages() -> Result<(), Failure> {
    let venv = folder().join(".venv");
    if !venv.join("bin/pip").is_file() {
        step("Python environment", Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    }
    let mut pip = Command::new(venv.join("bin/pip"));
    pip.args(["install", "--quiet", "--require-hashes", "--requirement", "python/requirements.txt"])
        .current_dir(folder());
    step("Python packages", &mut pip)
}
