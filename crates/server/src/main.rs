//! The `crosspoint` binary: configuration, wiring, and a clean stop.

mod admission;
mod assets;
mod callbacks;
mod clock;
mod config;
mod core;
mod device_api;
mod device_records;
mod device_task;
mod devices;
mod event_log;
mod handle;
mod health;
mod keys;
mod listener;
mod pace;
mod serve;
mod socket;
mod storage;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

use crate::config::{CommandLine, Config, LogFormat, ServeArgs, Subcommands};

/// A wrong configuration, as clap ends on wrong flags too.
const EXIT_WRONG_CONFIGURATION: u8 = 2;

fn main() -> ExitCode {
    let args = match CommandLine::parse().command {
        Some(Subcommands::HashPassword) => return hash_password(),
        Some(Subcommands::Serve(args)) => *args,
        None => ServeArgs::dev(),
    };
    let config = match args.into_config() {
        Ok(config) => config,
        Err(error) => {
            eprintln!("crosspoint: {error}");
            return ExitCode::from(EXIT_WRONG_CONFIGURATION);
        }
    };
    start_logging(&config);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("crosspoint: can't start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(serve::run(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crosspoint: {}", with_causes(&error));
            match error.is_wrong_configuration() {
                true => ExitCode::from(EXIT_WRONG_CONFIGURATION),
                false => ExitCode::FAILURE,
            }
        }
    }
}

/// Takes a line from standard input, so that the password stands in no list of processes.
fn hash_password() -> ExitCode {
    let mut line = String::new();
    if let Err(error) = std::io::stdin().read_line(&mut line) {
        eprintln!("crosspoint: the password can't be read: {error}");
        return ExitCode::FAILURE;
    }
    match crosspoint_http::hash_password(line.trim_end_matches(['\r', '\n']).as_bytes()) {
        Ok(hash) => {
            println!("{hash}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("crosspoint: {error}");
            ExitCode::from(EXIT_WRONG_CONFIGURATION)
        }
    }
}

/// An error and what is behind it, in one line.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |error: &&dyn Error| (*error).source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

/// Logs go to standard error; `RUST_LOG` chooses what is logged.
fn start_logging(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,str0m=warn,is=warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}
