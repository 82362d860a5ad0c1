//! What the configuration file may say: TOML with the same keys as the long flags.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crosspoint_ids::AccountId;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::checked::ConfigError;
use super::values::{AccountUser, CallbackSecret, LogFormat, Span};

/// What can be given in the file.
#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct FileConfig {
    pub(super) dev: Option<bool>,
    pub(super) listen: Option<SocketAddr>,
    pub(super) tls_cert: Option<PathBuf>,
    pub(super) tls_key: Option<PathBuf>,
    pub(super) max_connections: Option<usize>,
    #[serde(default)]
    pub(super) trusted_proxy: Vec<IpAddr>,
    #[serde(default, deserialize_with = "list")]
    pub(super) account: Vec<AccountUser>,
    #[serde(default, deserialize_with = "list")]
    pub(super) disable_account: Vec<AccountId>,
    #[serde(default, deserialize_with = "list")]
    pub(super) callback_secret: Vec<CallbackSecret>,
    #[serde(default, deserialize_with = "list")]
    pub(super) stream_callbacks: Vec<AccountId>,
    pub(super) allow_private_callbacks: Option<bool>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) media_listen: Option<SocketAddr>,
    #[serde(default, deserialize_with = "list")]
    pub(super) advertise: Vec<IpAddr>,
    pub(super) account_rate: Option<NonZeroU32>,
    pub(super) max_devices: Option<usize>,
    pub(super) max_participants: Option<usize>,
    #[serde(default, deserialize_with = "one")]
    pub(super) lifetime: Option<Span>,
    #[serde(default, deserialize_with = "one")]
    pub(super) drain: Option<Span>,
    pub(super) log: Option<LogFormat>,
}

pub(super) fn read_file(path: &Path) -> Result<FileConfig, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    toml::from_str(&text)
        .map_err(|source| ConfigError::Malformed { path: path.to_owned(), source: Box::new(source) })
}

/// Texts of the form that the flag takes.
fn list<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(from: D) -> Result<Vec<T>, D::Error> {
    Vec::<String>::deserialize(from)?.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}

fn one<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(from: D) -> Result<Option<T>, D::Error> {
    String::deserialize(from)?.parse().map(Some).map_err(D::Error::custom)
}
