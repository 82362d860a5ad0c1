//! From a raw path to a route.
//!
//! Paths are matched as they come, before percent-decoding: an encoded character is part of an id that nobody has.
//! Which slashes are doubled or trailing makes no difference.

use crosspoint_ids::{ParticipantId, SessionId};

use crate::error::ApiError;

/// A route as it stands in documentation: path below the account, and methods. Where there is GET, there is HEAD.
pub type RouteTemplate = (&'static str, &'static [&'static str]);

/// Every route of the control API. All stand below `/accounts/{accountId}`, and the same below `/v1`.
pub const ROUTES: [RouteTemplate; 11] = [
    ("/sessions", &["POST", "GET"]),
    ("/sessions/{sessionId}", &["GET", "DELETE"]),
    ("/sessions/{sessionId}/participants", &["GET"]),
    ("/sessions/{sessionId}/participants/{participantId}", &["PUT", "DELETE"]),
    ("/sessions/{sessionId}/participants/{participantId}/subscriptions", &["GET", "PUT"]),
    ("/sessions/{sessionId}/subscriptions", &["GET", "PUT"]),
    ("/participants", &["POST", "GET"]),
    ("/participants/{participantId}", &["GET", "DELETE"]),
    ("/participants/{participantId}/streams", &["GET"]),
    ("/participants/{participantId}/token", &["POST"]),
    ("/events", &["GET"]),
];

/// One segment more than the longest route has: beyond that nothing matches, however long the path is.
const SEGMENTS_MAX: usize = 6;
/// How much of a text from outside is repeated in a message.
const REPEATED_CHARS_MAX: usize = 64;

/// A path below an account. The account is checked before anything is said about the rest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AccountPath<'a> {
    /// What stood before `/accounts`; links keep it.
    pub(crate) base: &'static str,
    pub(crate) account: &'a str,
    rest: Vec<&'a str>,
}

impl<'a> AccountPath<'a> {
    pub(crate) fn split(path: &'a str) -> Option<Self> {
        let mut segments = segments(path).peekable();
        let base = if segments.next_if_eq(&"v1").is_some() { "/v1" } else { "" };
        segments.next_if_eq(&"accounts")?;
        let account = segments.next()?;
        Some(Self { base, account, rest: segments.take(SEGMENTS_MAX).collect() })
    }

    /// Where the path leads.
    pub(crate) fn target(&self) -> Option<Target<&'a str, &'a str>> {
        match *self.rest {
            ["sessions"] => Some(Target::Sessions),
            ["sessions", session] => Some(Target::Session(session)),
            ["sessions", session, "participants"] => Some(Target::Members(session)),
            ["sessions", session, "participants", participant] => Some(Target::Member(session, participant)),
            ["sessions", session, "participants", participant, "subscriptions"] => {
                Some(Target::MemberSubscriptions(session, participant))
            }
            ["sessions", session, "subscriptions"] => Some(Target::Matrix(session)),
            ["participants"] => Some(Target::Participants),
            ["participants", participant] => Some(Target::Participant(participant)),
            ["participants", participant, "streams"] => Some(Target::Streams(participant)),
            ["participants", participant, "token"] => Some(Target::Token(participant)),
            ["events"] => Some(Target::Events),
            _ => None,
        }
    }
}

/// The parts of a path that say something. Doubled and trailing slashes come from clients that join URLs carelessly.
pub(crate) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// What a path leads to: with ids as text when it is found, with ids proper once the text was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target<S = SessionId, P = ParticipantId> {
    Sessions,
    Session(S),
    Members(S),
    Member(S, P),
    MemberSubscriptions(S, P),
    Matrix(S),
    Participants,
    Participant(P),
    Streams(P),
    Token(P),
    Events,
}

impl<S, P> Target<S, P> {
    /// The route that this is.
    pub(crate) fn route(&self) -> RouteTemplate {
        let [
            sessions,
            session,
            members,
            member,
            subscriptions,
            matrix,
            participants,
            participant,
            streams,
            token,
            events,
        ] = ROUTES;
        match self {
            Self::Sessions => sessions,
            Self::Session(_) => session,
            Self::Members(_) => members,
            Self::Member(..) => member,
            Self::MemberSubscriptions(..) => subscriptions,
            Self::Matrix(_) => matrix,
            Self::Participants => participants,
            Self::Participant(_) => participant,
            Self::Streams(_) => streams,
            Self::Token(_) => token,
            Self::Events => events,
        }
    }
}

impl Target<&str, &str> {
    /// Reads the ids. One of another form than ours belongs to nothing.
    pub(crate) fn with_ids(self) -> Result<Target, ApiError> {
        Ok(match self {
            Self::Sessions => Target::Sessions,
            Self::Session(session) => Target::Session(session_id(session)?),
            Self::Members(session) => Target::Members(session_id(session)?),
            Self::Member(session, id) => Target::Member(session_id(session)?, participant_id(id)?),
            Self::MemberSubscriptions(session, id) => {
                Target::MemberSubscriptions(session_id(session)?, participant_id(id)?)
            }
            Self::Matrix(session) => Target::Matrix(session_id(session)?),
            Self::Participants => Target::Participants,
            Self::Participant(id) => Target::Participant(participant_id(id)?),
            Self::Streams(id) => Target::Streams(participant_id(id)?),
            Self::Token(id) => Target::Token(participant_id(id)?),
            Self::Events => Target::Events,
        })
    }
}

fn session_id(text: &str) -> Result<SessionId, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound(format!("there is no session {}", quoted(text))))
}

pub(crate) fn participant_id(text: &str) -> Result<ParticipantId, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound(format!("there is no participant {}", quoted(text))))
}

/// The beginning of a text from outside, for a message.
pub(crate) fn quoted(text: &str) -> String {
    let mut characters = text.chars();
    let head: String = characters.by_ref().take(REPEATED_CHARS_MAX).collect();
    let tail = if characters.next().is_some() { "…" } else { "" };
    format!("'{head}{tail}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str) -> Option<(&'static str, &str, &'static str)> {
        let path = AccountPath::split(path)?;
        Some((path.base, path.account, path.target().map_or("nothing", |target| target.route().0)))
    }

    #[test]
    fn both_base_paths_and_careless_slashes_lead_to_the_same_place() {
        let session = "/sessions/{sessionId}";
        let member = "/sessions/{sessionId}/participants/{participantId}";
        for (path, expected) in [
            ("/accounts/1/sessions/2", Some(("", "1", session))),
            ("/v1/accounts/1/sessions/2", Some(("/v1", "1", session))),
            ("//accounts//1/sessions///2/", Some(("", "1", session))),
            ("///v1//accounts/1/sessions/2//", Some(("/v1", "1", session))),
            ("/accounts/1/sessions//participants/3", Some(("", "1", "nothing"))),
            ("/accounts/1/sessions/2/participants/3/", Some(("", "1", member))),
            ("/accounts/1", Some(("", "1", "nothing"))),
            ("/accounts/1/sessions/2/participants/3/subscriptions/4", Some(("", "1", "nothing"))),
            ("/accounts/1/Sessions", Some(("", "1", "nothing"))),
            ("/accounts/1/sessions/2%2Fparticipants", Some(("", "1", session))),
            ("/accounts/1/sessions/../participants", Some(("", "1", "/sessions/{sessionId}/participants"))),
            ("/accounts/%31/participants", Some(("", "%31", "/participants"))),
            ("/", None),
            ("", None),
            ("*", None),
            ("/accounts", None),
            ("/accounts/", None),
            ("/v2/accounts/1", None),
            ("/v1/v1/accounts/1", None),
            ("/%61ccounts/1", None),
        ] {
            assert_eq!(found(path), expected, "{path}");
        }
    }

    #[test]
    fn every_route_is_found_by_its_own_template() {
        for (template, _) in ROUTES {
            assert_eq!(found(&format!("/accounts/1{template}")), Some(("", "1", template)));
        }
    }

    #[test]
    fn a_path_of_many_segments_costs_no_memory() {
        let path = format!("/accounts/1{}", "/a".repeat(30_000));
        let path = AccountPath::split(&path).unwrap();
        assert!(path.rest.len() <= SEGMENTS_MAX);
        assert_eq!(path.target(), None);
    }

    #[test]
    fn messages_repeat_a_bounded_part_of_a_text() {
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("ä b"), "'ä b'");
        assert_eq!(quoted(&"ä".repeat(65)), format!("'{}…'", "ä".repeat(64)));
    }
}
