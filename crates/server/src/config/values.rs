//! What a flag, a variable or a key may hold.

use std::time::Duration;

use clap::ValueEnum;
use crosspoint_http::check_password;
use crosspoint_ids::AccountId;
use crosspoint_webhooks::{Secret, SecretError};
use serde::Deserialize;

pub(super) const WRONG_ACCOUNT_ID: &str =
    "an account id must be 1 to 64 ASCII letters, digits, '-', '_' or '.'";

/// A user of an account, as `ID:USER:PASSWORD`. The password may hold colons.
#[derive(Clone, PartialEq, Eq)]
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
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, ':');
        let (Some(account), Some(user), Some(password)) = (parts.next(), parts.next(), parts.next()) else {
            return Err("an account must be ID:USER:PASSWORD".into());
        };
        let account = account.parse().map_err(|_| WRONG_ACCOUNT_ID)?;
        if user.is_empty() || password.is_empty() {
            return Err("an account's user and password must not be empty".into());
        }
        check_password(password).map_err(|error| error.to_string())?;
        Ok(Self { account, user: user.to_owned(), password: password.to_owned() })
    }
}

/// Users with commas between them. A comma in the parameters of an argon2 hash separates nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccountUsers(pub(super) Vec<AccountUser>);

impl std::str::FromStr for AccountUsers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut users: Vec<String> = Vec::new();
        for piece in text.split(',') {
            match users.last_mut().filter(|user| ends_in_parameters(user)) {
                Some(user) => {
                    user.push(',');
                    user.push_str(piece);
                }
                None => users.push(piece.to_owned()),
            }
        }
        users.iter().map(|user| user.parse()).collect::<Result<_, _>>().map(Self)
    }
}

/// Whether this is the begin of a user whose password's hash goes on: `m=1,t=2,p=3` stands between dollars, and
/// nothing else there has an equals sign and a comma after it.
fn ends_in_parameters(user: &str) -> bool {
    let password = user.splitn(3, ':').nth(2).unwrap_or_default();
    let last = password.rsplit('$').next().unwrap_or_default();
    password.starts_with("$argon2") && last.contains('=')
}

/// The secret of an account's callbacks, as `ID:whsec_BASE64`.
#[derive(Debug, Clone)]
pub(crate) struct CallbackSecret {
    pub(crate) account: AccountId,
    pub(crate) secret: Secret,
}

impl std::str::FromStr for CallbackSecret {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (account, secret) = text.split_once(':').ok_or("a callback secret must be ID:whsec_BASE64")?;
        let account = account.parse().map_err(|_| WRONG_ACCOUNT_ID)?;
        let secret = secret.parse().map_err(|error: SecretError| error.to_string())?;
        Ok(Self { account, secret })
    }
}

/// A length of time, written like `90m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        humantime::parse_duration(text).map(Self).map_err(|error| error.to_string())
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
