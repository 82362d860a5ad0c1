//! Steps as text, one a line, to be written to a file, read by a person and played again:
//!
//! ```text
//! create-session a0 s1
//! add a0 s1 p2 only:p3/n0+n1,p4      # p3: aliases 0 and 1; p4: all streams
//! subscribe a0 s1~1 p2 everybody     # ~1: what slot 1 held before what it holds now
//! matrix a0 s1 p2=nothing p3=only:p2
//! publish d2 t0:n1:2 t5:-:0          # stream 0 with alias 1 and media types 2; stream 5 without alias
//! ```

use std::fmt::{self, Display};

use crate::steps::{Published, Ref, Step, Wish};

/// The steps of a text. `#` begins a comment.
pub(crate) fn parse(text: &str) -> Result<Vec<Step>, String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    lines
        .filter(|line| !line.trim().is_empty())
        .map(|line| parse_step(line).ok_or(format!("not a step: {line}")))
        .collect()
}

fn parse_step(line: &str) -> Option<Step> {
    let mut words = line.split_whitespace();
    let name = words.next()?;
    let mut next = || words.next();
    let step = match name {
        "create-session" => {
            Step::CreateSession { account: number("a", next()?)?, slot: number("s", next()?)? }
        }
        "delete-session" => {
            Step::DeleteSession { account: number("a", next()?)?, session: reference("s", next()?)? }
        }
        "create-participant" => {
            Step::CreateParticipant { account: number("a", next()?)?, slot: number("p", next()?)? }
        }
        "delete-participant" => {
            Step::DeleteParticipant { account: number("a", next()?)?, participant: reference("p", next()?)? }
        }
        "renew" => Step::Renew { account: number("a", next()?)?, participant: reference("p", next()?)? },
        "add" => Step::Add {
            account: number("a", next()?)?,
            session: reference("s", next()?)?,
            participant: reference("p", next()?)?,
            wish: match next() {
                Some(text) => Some(wish(text)?),
                None => None,
            },
        },
        "remove" => Step::Remove {
            account: number("a", next()?)?,
            session: reference("s", next()?)?,
            participant: reference("p", next()?)?,
        },
        "subscribe" => Step::Subscribe {
            account: number("a", next()?)?,
            session: reference("s", next()?)?,
            participant: reference("p", next()?)?,
            wish: wish(next()?)?,
        },
        "matrix" => Step::Matrix {
            account: number("a", next()?)?,
            session: reference("s", next()?)?,
            rows: words.by_ref().map(row).collect::<Option<_>>()?,
        },
        "connect" => Step::Connect { participant: reference("p", next()?)?, slot: number("d", next()?)? },
        "connect-again" => {
            Step::ConnectAgain { participant: reference("p", next()?)?, device: reference("d", next()?)? }
        }
        "gone" => Step::Gone { device: reference("d", next()?)? },
        "publish" => Step::Publish {
            device: reference("d", next()?)?,
            streams: words.by_ref().map(published).collect::<Option<_>>()?,
        },
        "wait" => Step::Wait { millis: next()?.parse().ok()? },
        "lag" => Step::Lag { millis: next()?.parse().ok()? },
        "restart" => Step::Restart,
        _ => return None,
    };
    words.next().is_none().then_some(step)
}

fn number(prefix: &str, word: &str) -> Option<u8> {
    word.strip_prefix(prefix)?.parse().ok()
}

fn reference(prefix: &str, word: &str) -> Option<Ref> {
    let (slot, ago) = word.split_once('~').unwrap_or((word, "0"));
    Some(Ref { slot: number(prefix, slot)?, ago: ago.parse().ok()? })
}

fn row(word: &str) -> Option<(Ref, Wish)> {
    let (participant, text) = word.split_once('=')?;
    Some((reference("p", participant)?, wish(text)?))
}

fn wish(word: &str) -> Option<Wish> {
    match word {
        "nothing" => Some(Wish::Nothing),
        "everybody" => Some(Wish::Everybody),
        _ => {
            let entries = word.strip_prefix("only:")?.split(',').map(entry);
            Some(Wish::Only(entries.collect::<Option<_>>()?))
        }
    }
}

fn entry(word: &str) -> Option<(Ref, Vec<u8>)> {
    let Some((participant, aliases)) = word.split_once('/') else {
        return Some((reference("p", word)?, Vec::new()));
    };
    let aliases = aliases.split('+').map(|alias| number("n", alias));
    Some((reference("p", participant)?, aliases.collect::<Option<_>>()?))
}

fn published(word: &str) -> Option<Published> {
    let mut parts = word.split(':');
    let stream = number("t", parts.next()?)?;
    let alias = match parts.next()? {
        "-" => None,
        alias => Some(number("n", alias)?),
    };
    let media = parts.next()?.parse().ok()?;
    Some(Published { stream, alias, media })
}

impl Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ago {
            0 => write!(f, "{}", self.slot),
            ago => write!(f, "{}~{ago}", self.slot),
        }
    }
}

impl Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = match self {
            Wish::Nothing => return f.write_str("nothing"),
            Wish::Everybody => return f.write_str("everybody"),
            Wish::Only(entries) => entries,
        };
        let entries: Vec<String> = entries
            .iter()
            .map(|(participant, aliases)| {
                let aliases: Vec<_> = aliases.iter().map(|alias| format!("n{alias}")).collect();
                let slash = if aliases.is_empty() { "" } else { "/" };
                format!("p{participant}{slash}{}", aliases.join("+"))
            })
            .collect();
        write!(f, "only:{}", entries.join(","))
    }
}

impl Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alias = self.alias.map_or("-".to_owned(), |alias| format!("n{alias}"));
        write!(f, "t{}:{alias}:{}", self.stream, self.media)
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::CreateSession { account, slot } => write!(f, "create-session a{account} s{slot}"),
            Step::DeleteSession { account, session } => write!(f, "delete-session a{account} s{session}"),
            Step::CreateParticipant { account, slot } => write!(f, "create-participant a{account} p{slot}"),
            Step::DeleteParticipant { account, participant } => {
                write!(f, "delete-participant a{account} p{participant}")
            }
            Step::Renew { account, participant } => write!(f, "renew a{account} p{participant}"),
            Step::Add { account, session, participant, wish } => {
                write!(f, "add a{account} s{session} p{participant}")?;
                wish.iter().try_for_each(|wish| write!(f, " {wish}"))
            }
            Step::Remove { account, session, participant } => {
                write!(f, "remove a{account} s{session} p{participant}")
            }
            Step::Subscribe { account, session, participant, wish } => {
                write!(f, "subscribe a{account} s{session} p{participant} {wish}")
            }
            Step::Matrix { account, session, rows } => {
                write!(f, "matrix a{account} s{session}")?;
                rows.iter().try_for_each(|(p, wish)| write!(f, " p{p}={wish}"))
            }
            Step::Connect { participant, slot } => write!(f, "connect p{participant} d{slot}"),
            Step::ConnectAgain { participant, device } => {
                write!(f, "connect-again p{participant} d{device}")
            }
            Step::Gone { device } => write!(f, "gone d{device}"),
            Step::Publish { device, streams } => {
                write!(f, "publish d{device}")?;
                streams.iter().try_for_each(|stream| write!(f, " {stream}"))
            }
            Step::Wait { millis } => write!(f, "wait {millis}"),
            Step::Lag { millis } => write!(f, "lag {millis}"),
            Step::Restart => f.write_str("restart"),
        }
    }
}
