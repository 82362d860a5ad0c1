//! What the command line and the environment may say.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use crosspoint_ids::AccountId;

use super::values::{AccountUsers, CallbackSecret, LogFormat, Span};

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
    /// Read a password from standard input and print its argon2 hash, which --account takes in its place.
    HashPassword,
}

/// What can be given on the command line or in the environment.
#[derive(Debug, Args, Default)]
pub(crate) struct ServeArgs {
    /// For development: loopback only, account 9900000, user dev, password dev, and the demo page's helpers.
    #[arg(long, env = "CROSSPOINT_DEV")]
    pub(super) dev: bool,
    /// A TOML file with the same keys as the long flags.
    #[arg(long, value_name = "FILE", env = "CROSSPOINT_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Where REST, WebSocket and web pages are served [default: 127.0.0.1:8080].
    #[arg(long, value_name = "IP:PORT", env = "CROSSPOINT_LISTEN")]
    pub(super) listen: Option<SocketAddr>,
    /// The certificate chain of the listener, in PEM form: it speaks TLS then. Read again when the file changes.
    #[arg(long, value_name = "FILE", env = "CROSSPOINT_TLS_CERT")]
    pub(super) tls_cert: Option<PathBuf>,
    /// The private key of --tls-cert, in PEM form.
    #[arg(long, value_name = "FILE", env = "CROSSPOINT_TLS_KEY")]
    pub(super) tls_key: Option<PathBuf>,
    /// The most connections at one time [default: 10000].
    #[arg(long, value_name = "COUNT", env = "CROSSPOINT_MAX_CONNECTIONS")]
    pub(super) max_connections: Option<usize>,
    /// A proxy whose X-Forwarded-For says where requests come from; repeatable.
    #[arg(long, value_name = "IP", env = "CROSSPOINT_TRUSTED_PROXIES", value_delimiter = ',')]
    pub(super) trusted_proxy: Vec<IpAddr>,
    /// An account and a user of it; repeatable, also for several users of one account. An argon2 hash may stand for
    /// the password: see `crosspoint hash-password`.
    #[arg(long, value_name = "ID:USER:PASSWORD", env = "CROSSPOINT_ACCOUNTS", hide_env_values = true)]
    pub(super) account: Vec<AccountUsers>,
    /// The most requests of one account in a second; twice as many may come at once [default: 2000].
    #[arg(long, value_name = "COUNT", env = "CROSSPOINT_ACCOUNT_RATE")]
    pub(super) account_rate: Option<NonZeroU32>,
    /// An account whose users are refused; repeatable.
    #[arg(long, value_name = "ID", env = "CROSSPOINT_DISABLED_ACCOUNTS", value_delimiter = ',')]
    pub(super) disable_account: Vec<AccountId>,
    /// What an account's callbacks are signed with (Standard Webhooks); repeatable, also for one account while its
    /// secret changes.
    #[arg(
        long,
        value_name = "ID:whsec_BASE64",
        env = "CROSSPOINT_CALLBACK_SECRETS",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub(super) callback_secret: Vec<CallbackSecret>,
    /// An account that is also told of streams: onStreamPublished and onStreamUnpublished; repeatable.
    #[arg(long, value_name = "ID", env = "CROSSPOINT_STREAM_CALLBACKS", value_delimiter = ',')]
    pub(super) stream_callbacks: Vec<AccountId>,
    /// Let callbacks go to loopback, private and link-local addresses; --dev implies it.
    #[arg(long, env = "CROSSPOINT_ALLOW_PRIVATE_CALLBACKS")]
    pub(super) allow_private_callbacks: bool,
    /// Where state is kept [default: ./crosspoint-data].
    #[arg(long, value_name = "DIR", env = "CROSSPOINT_DATA_DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// Where media comes in: one port number, UDP and TCP, for everything [default: 0.0.0.0:8081, with --dev
    /// 127.0.0.1:8081].
    #[arg(long, value_name = "IP:PORT", env = "CROSSPOINT_MEDIA_LISTEN")]
    pub(super) media_listen: Option<SocketAddr>,
    /// An address that clients reach the media port on; repeatable [default: the address of --media-listen, or the
    /// host's own].
    #[arg(long, value_name = "IP", env = "CROSSPOINT_ADVERTISE", value_delimiter = ',')]
    pub(super) advertise: Vec<IpAddr>,
    /// The most participants of one session [default: 20].
    #[arg(long, value_name = "COUNT", env = "CROSSPOINT_MAX_PARTICIPANTS")]
    pub(super) max_participants: Option<usize>,
    /// The most devices at one time [default: 10000].
    #[arg(long, value_name = "COUNT", env = "CROSSPOINT_MAX_DEVICES")]
    pub(super) max_devices: Option<usize>,
    /// How long sessions and participants live, such as 9h or 90m [default: 9h].
    #[arg(long, value_name = "TIME", env = "CROSSPOINT_LIFETIME")]
    pub(super) lifetime: Option<Span>,
    /// How long devices may stay after SIGTERM [default: 30s].
    #[arg(long, value_name = "TIME", env = "CROSSPOINT_DRAIN")]
    pub(super) drain: Option<Span>,
    /// The form of log lines [default: text].
    #[arg(long, value_enum, env = "CROSSPOINT_LOG")]
    pub(super) log: Option<LogFormat>,
}
