//! The command line, the environment and the configuration file, and what follows from them.
//!
//! A flag wins over its environment variable, that over the file, that over the default.

mod checked;
mod file;
mod flags;
mod values;

pub(crate) use checked::{Config, DEV_ACCOUNT, Mode};
pub(crate) use flags::{CommandLine, ServeArgs, Subcommands};
pub(crate) use values::LogFormat;

#[cfg(test)]
mod tests;
