//! The command line, the environment and the configuration file, and what follows from them.
//!
//! A flag wins over its environment variable, that over the file, that over the default.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::{Args, Parser, Subcommand, ValueEnum};
use crosspoint_ids::AccountId;
use serde::Deserialize;

/// A self-hosted server for live voice and video in which the application decides, over REST, who hears and sees whom.
#[derive(Debug, Parser)]
#[command(name = "crosspoint", version)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Option<Subcommands>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Subcommands {
    /// Run the server. Without any subcommand, `serve --dev` is run.
    Serve(Box<ServeArgs>),
}

/// What can be given on the command line or in the environment.
#[derive(Debug, Args, Default)]
pub(crate) struct ServeArgs {
    /// For development: loopback only, account 9900000, user dev, password dev, and the demo page's helpers.
    #[arg(long, env = "CROSSPOINT_DEV")]
    dev: bool,
    /// A TOML file with the same keys as the long flags.
    #[arg(long, value_name = "FILE", env = "CROSSPOINT_CONFIG")]
    config: Option<PathBuf>,
    /// Where REST, WebSocket and web pages are served [default: 127.0.0.1:8080].
    #[arg(long, value_name = "IP:PORT", env = "CROSSPOINT_LISTEN")]
    listen: Option<SocketAddr>,
    /// An account and a user of it; repeatable, also for several users of one account.
    #[arg(
        long,
        value_name = "ID:USER:PASSWORD",
        env = "CROSSPOINT_ACCOUNTS",
        value_delimiter = ',',
        hide_env_values = true
    )]
    account: Vec<AccountUser>,
    /// An account whose users are refused; repeatable.
    #[arg(long, value_name = "ID", env = "CROSSPOINT_DISABLED_ACCOUNTS", value_delimiter = ',')]
    disable_account: Vec<AccountId>,
    /// What an account's callbacks are signed with (Standard Webhooks); repeatable, also for one account while its
    /// secret changes.
    #[arg(
        long,
        value_name = "ID:whsec_BASE64",
        env = "CROSSPOINT_CALLBACK_SECRETS",
        value_delimiter = ',',
        hide_env_values = true
    )]
    callback_secret: Vec<CallbackSecret>,
    /// An account that is also told of streams: onStreamPublished and onStreamUnpublished; repeatable.
    #[arg(long, value_name = "ID", env = "CROSSPOINT_STREAM_CALLBACKS", value_delimiter = ',')]
    stream_callbacks: Vec<AccountId>,
    /// Let callbacks go to loopback, private and link-local addresses; --dev implies it.
    #[arg(long, env = "CROSSPOINT_ALLOW_PRIVATE_CALLBACKS")]
    allow_private_callbacks: bool,
    /// Where state is kept [default: ./crosspoint-data].
    #[arg(long, value_name = "DIR", env = "CROSSPOINT_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Where media comes in: one UDP port for everything [default: 0.0.0.0:8081, with --dev 127.0.0.1:8081].
    #[arg(long, value_name = "IP:PORT", env = "CROSSPOINT_MEDIA_LISTEN")]
    media_listen: Option<SocketAddr>,
    /// An address that clients reach the media port on; repeatable [default: the address of --media-listen, or the
    /// host's own].
    #[arg(long, value_name = "IP", env = "CROSSPOINT_ADVERTISE", value_delimiter = ',')]
    advertise: Vec<IpAddr>,
    /// The most participants of one session [default: 20].
    #[arg(long, value_name = "COUNT", env = "CROSSPOINT_MAX_PARTICIPANTS")]
    max_participants: Option<usize>,
    /// How long sessions and participants live, such as 9h or 90m [default: 9h].
    #[arg(long, value_name = "TIME", env = "CROSSPOINT_LIFETIME")]
    lifetime: Option<Span>,
    /// How long devices may stay after SIGTERM [default: 30s].
    #[arg(long, value_name = "TIME", env = "CROSSPOINT_DRAIN")]
    drain: Option<Span>,
    /// The form of log lines [default: text].
    #[arg(long, value_enum, env = "CROSSPOINT_LOG")]
    log: Option<LogFormat>,
}

/// What can be given in the file.
#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct FileConfig {
    dev: Option<bool>,
    listen: Option<SocketAddr>,
    #[serde(default)]
    account: Vec<AccountUser>,
    #[serde(default)]
    disable_account: Vec<AccountId>,
    #[serde(default)]
    callback_secret: Vec<CallbackSecret>,
    #[serde(default)]
    stream_callbacks: Vec<AccountId>,
    allow_private_callbacks: Option<bool>,
    data_dir: Option<PathBuf>,
    media_listen: Option<SocketAddr>,
    #[serde(default)]
    advertise: Vec<IpAddr>,
    max_participants: Option<usize>,
    lifetime: Option<Span>,
    drain: Option<Span>,
    log: Option<LogFormat>,
}

const WRONG_ACCOUNT_ID: &str = "an account id must be 1 to 64 ASCII letters, digits, '-', '_' or '.'";
/// How long the key of a callback's signature may be, in bytes.
const CALLBACK_KEY_LEN: RangeInclusive<usize> = 24..=64;

/// A user of an account, as `ID:USER:PASSWORD`. The password may hold colons.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct AccountUser {
    pub(crate) account: AccountId,
    pub(crate) user: String,
    pub(crate) password: String,
}

impl std::fmt::Debug for AccountUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountUser")
            .field("account", &self.account)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl std::str::FromStr for AccountUser {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, ':');
        let (Some(account), Some(user), Some(password)) = (parts.next(), parts.next(), parts.next()) else {
            return Err("an account must be ID:USER:PASSWORD");
        };
        let account = account.parse().map_err(|_| WRONG_ACCOUNT_ID)?;
        if user.is_empty() || password.is_empty() {
            return Err("an account's user and password must not be empty");
        }
        Ok(Self { account, user: user.to_owned(), password: password.to_owned() })
    }
}

impl TryFrom<String> for AccountUser {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// The secret of an account's callbacks, as `ID:whsec_BASE64`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct CallbackSecret {
    pub(crate) account: AccountId,
    /// What the base64 holds: 24 to 64 bytes (Standard Webhooks, "Signature scheme").
    pub(crate) key: Vec<u8>,
}

impl std::fmt::Debug for CallbackSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallbackSecret").field("account", &self.account).finish_non_exhaustive()
    }
}

impl std::str::FromStr for CallbackSecret {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (account, secret) = text.split_once(":whsec_").ok_or("a callback secret must be ID:whsec_BASE64")?;
        let account = account.parse().map_err(|_| WRONG_ACCOUNT_ID)?;
        let key = BASE64.decode(secret).map_err(|_| "what follows whsec_ must be base64")?;
        if !CALLBACK_KEY_LEN.contains(&key.len()) {
            return Err("what follows whsec_ must be the base64 of 24 to 64 bytes");
        }
        Ok(Self { account, key })
    }
}

impl TryFrom<String> for CallbackSecret {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// A length of time, written like `90m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Span(Duration);

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        humantime::parse_duration(text).map(Self).map_err(|error| error.to_string())
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Whether this is a developer's own server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Production,
    Dev,
}

/// A configuration that was checked.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) mode: Mode,
    pub(crate) listen: SocketAddr,
    pub(crate) accounts: Vec<AccountUser>,
    /// Accounts whose good credentials are refused.
    pub(crate) disabled: Vec<AccountId>,
    /// Several for one account while its secret changes.
    pub(crate) callback_secrets: Vec<CallbackSecret>,
    /// Accounts that are told of streams.
    pub(crate) stream_callbacks: Vec<AccountId>,
    /// Whether callbacks may go to loopback, private and link-local addresses.
    pub(crate) allow_private_callbacks: bool,
    pub(crate) data_dir: PathBuf,
    pub(crate) media_listen: SocketAddr,
    pub(crate) advertise: Vec<IpAddr>,
    pub(crate) max_participants: usize,
    pub(crate) lifetime: Duration,
    pub(crate) drain: Duration,
    pub(crate) log: LogFormat,
}

/// The account of `--dev`.
pub(crate) const DEV_ACCOUNT: (&str, &str, &str) = ("9900000", "dev", "dev");
/// The most that `--max-participants` may say: more would not fit the m-lines of one device.
const MAX_PARTICIPANTS_MAX: usize = 10_000;
/// The longest lifetime: a month.
const LIFETIME_MAX: Duration = Duration::from_secs(31 * 24 * 3_600);

/// A configuration that is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("the configuration file {} can't be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("the configuration file {} is wrong: {}", path.display(), source.message())]
    Malformed { path: PathBuf, source: Box<toml::de::Error> },
    #[error("no account is configured: give --account ID:USER:PASSWORD, or --dev to try the server out")]
    NoAccount,
    #[error(
        "--dev listens on loopback only, so {flag} can't be {address}; leave --dev out to serve a network"
    )]
    DevOffLoopback { flag: &'static str, address: SocketAddr },
    #[error("{flag} names account {account}, which no --account has")]
    UnknownAccount { flag: &'static str, account: AccountId },
    #[error("--max-participants must be from 1 to {MAX_PARTICIPANTS_MAX}")]
    MaxParticipants,
    #[error("--lifetime must be from 1s to 31d")]
    Lifetime,
    #[error("--advertise {0} is not an address that a client could reach")]
    Advertise(IpAddr),
}

impl ServeArgs {
    /// What plain `crosspoint` runs.
    pub(crate) fn dev() -> Self {
        Self { dev: true, ..Self::default() }
    }

    /// Puts flags, environment, file and defaults together.
    pub(crate) fn into_config(self) -> Result<Config, ConfigError> {
        let file = match &self.config {
            Some(path) => read_file(path)?,
            None => FileConfig::default(),
        };
        let mode = if self.dev || file.dev.unwrap_or(false) { Mode::Dev } else { Mode::Production };
        let media_default = match mode {
            Mode::Dev => Ipv4Addr::LOCALHOST,
            Mode::Production => Ipv4Addr::UNSPECIFIED,
        };
        let mut accounts = given_or(self.account, file.account);
        if mode == Mode::Dev {
            let (id, user, password) = DEV_ACCOUNT;
            accounts.extend(format!("{id}:{user}:{password}").parse());
        }
        let lifetime = self.lifetime.or(file.lifetime).map_or(Duration::from_secs(9 * 3_600), |span| span.0);
        Config {
            mode,
            listen: self.listen.or(file.listen).unwrap_or((Ipv4Addr::LOCALHOST, 8080).into()),
            accounts,
            disabled: given_or(self.disable_account, file.disable_account),
            callback_secrets: given_or(self.callback_secret, file.callback_secret),
            stream_callbacks: given_or(self.stream_callbacks, file.stream_callbacks),
            allow_private_callbacks: mode == Mode::Dev
                || self.allow_private_callbacks
                || file.allow_private_callbacks.unwrap_or(false),
            data_dir: self.data_dir.or(file.data_dir).unwrap_or_else(|| "crosspoint-data".into()),
            media_listen: self.media_listen.or(file.media_listen).unwrap_or((media_default, 8081).into()),
            advertise: given_or(self.advertise, file.advertise),
            max_participants: self.max_participants.or(file.max_participants).unwrap_or(20),
            lifetime,
            drain: self.drain.or(file.drain).map_or(Duration::from_secs(30), |span| span.0),
            log: self.log.or(file.log).unwrap_or(LogFormat::Text),
        }
        .checked()
    }
}

/// What was given, or what stands in for it.
fn given_or<T>(given: Vec<T>, other: Vec<T>) -> Vec<T> {
    if given.is_empty() { other } else { given }
}

fn read_file(path: &Path) -> Result<FileConfig, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    toml::from_str(&text)
        .map_err(|source| ConfigError::Malformed { path: path.to_owned(), source: Box::new(source) })
}

impl Config {
    fn checked(self) -> Result<Self, ConfigError> {
        if self.accounts.is_empty() {
            return Err(ConfigError::NoAccount);
        }
        let known: HashSet<&AccountId> = self.accounts.iter().map(|user| &user.account).collect();
        let named = self.disabled.iter().map(|account| ("--disable-account", account));
        let named = named.chain(self.callback_secrets.iter().map(|secret| ("--callback-secret", &secret.account)));
        let mut named = named.chain(self.stream_callbacks.iter().map(|account| ("--stream-callbacks", account)));
        if let Some((flag, account)) = named.find(|(_, account)| !known.contains(account)) {
            return Err(ConfigError::UnknownAccount { flag, account: account.clone() });
        }
        if self.mode == Mode::Dev {
            for (flag, address) in [("--listen", self.listen), ("--media-listen", self.media_listen)] {
                if !address.ip().is_loopback() {
                    return Err(ConfigError::DevOffLoopback { flag, address });
                }
            }
        }
        if !(1..=MAX_PARTICIPANTS_MAX).contains(&self.max_participants) {
            return Err(ConfigError::MaxParticipants);
        }
        if !(Duration::from_secs(1)..=LIFETIME_MAX).contains(&self.lifetime) {
            return Err(ConfigError::Lifetime);
        }
        if let Some(ip) = self.advertise.iter().find(|ip| ip.is_unspecified() || ip.is_multicast()) {
            return Err(ConfigError::Advertise(*ip));
        }
        Ok(self)
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
