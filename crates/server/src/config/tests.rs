use clap::Parser;

use super::checked::ConfigError;
use super::values::{AccountUsers, CallbackSecret, WRONG_ACCOUNT_ID};
use super::*;

fn config(args: &[&str]) -> Result<Config, ConfigError> {
    let words = ["crosspoint", "serve"].iter().chain(args);
    match CommandLine::try_parse_from(words).unwrap().command {
        Some(Subcommands::Serve(args)) => args.into_config(),
        Some(Subcommands::HashPassword) | None => panic!("serve was given"),
    }
}

const ACCOUNT: &str = "--account=9900000:user:secret";
const FOREIGN_SECRET: &str = "1:whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";

#[test]
fn defaults_are_those_of_the_help_text() {
    let config = config(&[ACCOUNT]).unwrap();
    assert_eq!(config.mode, Mode::Production);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.media_listen.to_string(), "0.0.0.0:8081");
    assert_eq!(
        (config.max_participants, config.lifetime.as_secs(), config.drain.as_secs()),
        (20, 32_400, 30)
    );
    assert_eq!(config.log, LogFormat::Text);
}

#[test]
fn dev_brings_its_account_and_stays_on_loopback() {
    let dev = config(&["--dev"]).unwrap();
    assert_eq!(dev.media_listen.to_string(), "127.0.0.1:8081");
    assert_eq!(dev.accounts, ["9900000:dev:dev".parse().unwrap()]);
    for flag in ["--listen", "--media-listen"] {
        let refused = config(&["--dev", flag, "0.0.0.0:9000"]).unwrap_err();
        assert!(matches!(refused, ConfigError::DevOffLoopback { .. }), "{refused}");
    }
}

#[test]
fn wrong_values_are_refused_with_the_flag_that_holds_them() {
    for (args, sentence) in [
        (&[][..], "no account is configured"),
        (&[ACCOUNT, "--max-participants", "0"], "--max-participants"),
        (&[ACCOUNT, "--lifetime", "0s"], "--lifetime"),
        (&[ACCOUNT, "--advertise", "0.0.0.0"], "--advertise"),
        (&[ACCOUNT, "--tls-cert", "a"], "--tls-cert and --tls-key go together: --tls-key is missing"),
        (&[ACCOUNT, "--tls-key", "a"], "--tls-cert is missing"),
        (&[ACCOUNT, "--max-connections", "0"], "--max-connections"),
        (&[ACCOUNT, "--max-devices", "0"], "--max-devices"),
        (&[ACCOUNT, "--account-rate", "1000001"], "--account-rate"),
        (&[ACCOUNT, "--disable-account", "1"], "--disable-account names account 1, which no --account has"),
        (&[ACCOUNT, "--stream-callbacks", "1"], "--stream-callbacks names account 1"),
        (&[ACCOUNT, "--callback-secret", FOREIGN_SECRET], "--callback-secret names account 1"),
        (&[ACCOUNT, "--config", "/nowhere.toml"], "/nowhere.toml can't be read"),
    ] {
        let refusal = config(args).unwrap_err().to_string();
        assert!(refusal.contains(sentence), "{refusal}");
    }
    for args in [["--account", "x"], ["--listen", "here"], ["--lifetime", "soon"], ["--account", "a b:c:d"]] {
        let words = ["crosspoint", "serve"].iter().chain(&args);
        assert_eq!(CommandLine::try_parse_from(words).unwrap_err().exit_code(), 2, "{args:?}");
    }
}

#[test]
fn accounts_repeat_and_passwords_may_hold_colons() {
    let config = config(&[ACCOUNT, "--account", "1:u:p:q"]).unwrap();
    assert_eq!(config.accounts.len(), 2);
    assert_eq!(config.accounts[1].password, "p:q");
    assert!(!format!("{:?}", config.accounts).contains("secret"));
}

#[test]
fn a_flag_wins_over_the_file() {
    let file = std::env::temp_dir().join(format!("crosspoint-config-{}.toml", std::process::id()));
    let text =
        "listen = '127.0.0.1:1'\naccount = ['1:a:b']\nlifetime = '2h'\nmax-participants = 7\nlog = 'json'\n";
    std::fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap();
    let read = config(&["--config", path, "--listen", "127.0.0.1:2"]).unwrap();
    assert_eq!(read.listen.port(), 2);
    assert_eq!((read.lifetime.as_secs(), read.max_participants, read.log), (7_200, 7, LogFormat::Json));
    std::fs::write(&file, "lissten = '127.0.0.1:1'\n").unwrap();
    let refusal = config(&["--config", path]).unwrap_err().to_string();
    std::fs::remove_file(&file).unwrap();
    assert!(refusal.contains("lissten"), "{refusal}");
}

#[test]
fn a_callback_secret_names_its_account_and_is_never_shown() {
    let check = |text: &str, expected: Result<&str, &str>| {
        let read = text.parse::<CallbackSecret>();
        let read = read.as_ref().map(|secret| secret.account.as_str()).map_err(String::as_str);
        assert_eq!(read, expected, "{text}");
    };
    check(FOREIGN_SECRET, Ok("1"));
    check("1:whsec_MDEy", Err("a callback secret has 24 to 64 bytes"));
    check("1:whsec_*", Err("a callback secret is whsec_ and base64"));
    check("1:MDEyMzQ1", Err("a callback secret begins with whsec_"));
    check("MDEyMzQ1", Err("a callback secret must be ID:whsec_BASE64"));
    check("a b:whsec_MDEy", Err(WRONG_ACCOUNT_ID));
    let shown = format!("{:?}", FOREIGN_SECRET.parse::<CallbackSecret>());
    assert!(!shown.contains("48") && !shown.contains("MDEy"), "{shown}");
}

#[test]
fn callbacks_are_configured_for_each_account() {
    let secret = "9900000:whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
    let args = [
        ACCOUNT,
        "--callback-secret",
        secret,
        "--stream-callbacks",
        "9900000",
        "--disable-account",
        "9900000",
    ];
    let given = config(&args).unwrap();
    let accounts: Vec<_> = given.callback_secrets.iter().map(|secret| secret.account.as_str()).collect();
    assert_eq!(accounts, ["9900000"]);
    assert_eq!(given.stream_callbacks, ["9900000".parse().unwrap()]);
    assert_eq!(given.disabled, ["9900000".parse().unwrap()]);
    assert!(!given.allow_private_callbacks);
    assert!(config(&[ACCOUNT, "--allow-private-callbacks"]).unwrap().allow_private_callbacks);
    assert!(config(&["--dev"]).unwrap().allow_private_callbacks);
}

#[test]
fn the_commas_of_a_hash_do_not_end_it() {
    let (long, short) = (
        "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$MDEyMzQ1Njc4OTAxMjM0NQ",
        "$argon2i$m=64,t=1,p=1$c29tZXNhbHQ$MDEyMzQ1Njc4OTAxMjM0NQ",
    );
    let check = |text: &str, expected: &[(&str, &str)]| {
        let users = text.parse::<AccountUsers>().unwrap().0;
        let read: Vec<_> = users.iter().map(|user| (user.user.as_str(), user.password.as_str())).collect();
        assert_eq!(read, expected, "{text}");
    };
    check("1:a:b,2:c:d", &[("a", "b"), ("c", "d")]);
    check(&format!("1:a:{long}"), &[("a", long)]);
    check(
        &format!("1:a:{long},1:b:{short},2:c:d=e,2:f:$2$g=h"),
        &[("a", long), ("b", short), ("c", "d=e"), ("f", "$2$g=h")],
    );
    for refused in [
        "1:a:$argon2id$v=19$m=64,t=2",
        "1:a:b,c",
        "1:a:$argon2id$v=19$m=1000000,t=2,p=1$c29tZXNhbHQ$MDEyMzQ1Njc4OTAxMjM0NQ",
    ] {
        let sentence = refused.parse::<AccountUsers>().unwrap_err();
        assert!(!sentence.contains("1:a"), "{sentence}");
    }
    let config = config(&["--account", &format!("1:a:{long}")]).unwrap();
    assert_eq!(config.accounts[0].password, long);
}
