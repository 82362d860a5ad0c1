//! Flags, environment, file and defaults put together and checked.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crosspoint_ids::AccountId;

use super::file::{FileConfig, read_file};
use super::flags::ServeArgs;
use crate::listener::TlsFiles;

use super::values::{AccountUser, CallbackSecret, LogFormat};

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
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) max_connections: usize,
    pub(crate) trusted_proxies: Vec<IpAddr>,
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
    /// Requests in a second.
    pub(crate) account_rate: NonZeroU32,
    pub(crate) max_devices: usize,
    pub(crate) max_participants: usize,
    pub(crate) lifetime: Duration,
    pub(crate) drain: Duration,
    pub(crate) log: LogFormat,
}

/// The account of `--dev`.
pub(crate) const DEV_ACCOUNT: (&str, &str, &str) = ("9900000", "dev", "dev");
/// The most that `--max-participants` may say: more would not fit the m-lines of one device.
const MAX_PARTICIPANTS_MAX: usize = 10_000;
/// The most that `--max-connections` may say: more files than any system lets a process have open.
const MAX_CONNECTIONS_MAX: usize = 1_000_000;
/// Requests of one account in a second, unless said otherwise.
const ACCOUNT_RATE: NonZeroU32 = NonZeroU32::MIN.saturating_add(1_999);
/// The most that `--account-rate` may say.
const ACCOUNT_RATE_MAX: NonZeroU32 = NonZeroU32::MIN.saturating_add(999_999);
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
    #[error("--tls-cert and --tls-key go together: {0} is missing")]
    HalfOfTls(&'static str),
    #[error("--account-rate must be {ACCOUNT_RATE_MAX} at most")]
    AccountRate,
    #[error("--max-devices must be from 1 to {MAX_CONNECTIONS_MAX}")]
    MaxDevices,
    #[error("--max-connections must be from 1 to {MAX_CONNECTIONS_MAX}")]
    MaxConnections,
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
        let mut accounts =
            given_or(self.account.into_iter().flat_map(|users| users.0).collect(), file.account);
        if mode == Mode::Dev {
            let (id, user, password) = DEV_ACCOUNT;
            accounts.extend(format!("{id}:{user}:{password}").parse());
        }
        let lifetime = self.lifetime.or(file.lifetime).map_or(Duration::from_secs(9 * 3_600), |span| span.0);
        Config {
            mode,
            listen: self.listen.or(file.listen).unwrap_or((Ipv4Addr::LOCALHOST, 8080).into()),
            tls: tls_files(self.tls_cert.or(file.tls_cert), self.tls_key.or(file.tls_key))?,
            max_connections: self.max_connections.or(file.max_connections).unwrap_or(10_000),
            trusted_proxies: given_or(self.trusted_proxy, file.trusted_proxy)
                .iter()
                .map(IpAddr::to_canonical)
                .collect(),
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
            account_rate: self.account_rate.or(file.account_rate).unwrap_or(ACCOUNT_RATE),
            max_devices: self.max_devices.or(file.max_devices).unwrap_or(10_000),
            max_participants: self.max_participants.or(file.max_participants).unwrap_or(20),
            lifetime,
            drain: self.drain.or(file.drain).map_or(Duration::from_secs(30), |span| span.0),
            log: self.log.or(file.log).unwrap_or(LogFormat::Text),
        }
        .checked()
    }
}

fn tls_files(certificate: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<TlsFiles>, ConfigError> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(ConfigError::HalfOfTls("--tls-key")),
        (None, Some(_)) => Err(ConfigError::HalfOfTls("--tls-cert")),
    }
}

/// What was given, or what stands in for it.
fn given_or<T>(given: Vec<T>, other: Vec<T>) -> Vec<T> {
    if given.is_empty() { other } else { given }
}

impl Config {
    fn checked(self) -> Result<Self, ConfigError> {
        if self.accounts.is_empty() {
            return Err(ConfigError::NoAccount);
        }
        let known: HashSet<&AccountId> = self.accounts.iter().map(|user| &user.account).collect();
        let named = self.disabled.iter().map(|account| ("--disable-account", account));
        let named =
            named.chain(self.callback_secrets.iter().map(|secret| ("--callback-secret", &secret.account)));
        let mut named =
            named.chain(self.stream_callbacks.iter().map(|account| ("--stream-callbacks", account)));
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
        if !(1..=MAX_CONNECTIONS_MAX).contains(&self.max_connections) {
            return Err(ConfigError::MaxConnections);
        }
        if self.account_rate > ACCOUNT_RATE_MAX {
            return Err(ConfigError::AccountRate);
        }
        if !(1..=MAX_CONNECTIONS_MAX).contains(&self.max_devices) {
            return Err(ConfigError::MaxDevices);
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
