//! From a raw path to a route.

use crosspoint_ids::{AccountId, ParticipantId, SessionId};

use crate::error::ApiError;

/// A route as it stands in documentation: path below the account, and methods.
pub type RouteTemplate = (&'static str, &'static [&'static str]);

/// Every route of the control API. All stand below `/accounts/{accountId}`, and the same below `/v1`.
pub const ROUTES: [RouteTemplate; 9] = [
    ("/sessions", &["POST", "GET"]),
    ("/sessions/{sessionId}", &["GET", "DELETE"]),
    ("/sessions/{sessionId}/participants", &["GET"]),
    ("/sessions/{sessionId}/participants/{participantId}", &["PUT", "DELETE"]),
    ("/sessions/{sessionId}/participants/{participantId}/subscriptions", &["GET", "PUT"]),
    ("/sessions/{sessionId}/subscriptions", &["GET", "PUT"]),
    ("/participants", &["POST", "GET"]),
    ("/participants/{participantId}", &["GET", "DELETE"]),
    ("/participants/{participantId}/streams", &["GET"]),
];

/// A path that leads somewhere. Ids are still text: the account is checked before anything is said about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target<'a> {
    Sessions,
    Session(&'a str),
    Members(&'a str),
    Member(&'a str, &'a str),
    MemberSubscriptions(&'a str, &'a str),
    Matrix(&'a str),
    Participants,
    Participant(&'a str),
    Streams(&'a str),
}

/// What stands behind `accounts/{accountId}`; `None` when the path is not of that form.
pub(crate) fn split_account(path: &str) -> Option<(&str, Vec<&str>)> {
    // Doubled and trailing slashes come from clients that join URLs carelessly.
    let mut segments = path.split('/').filter(|segment| !segment.is_empty()).peekable();
    segments.next_if_eq(&"v1");
    segments.next_if_eq(&"accounts")?;
    let account = segments.next()?;
    Some((account, segments.collect()))
}

impl<'a> Target<'a> {
    pub(crate) fn find(segments: &[&'a str]) -> Option<Self> {
        match *segments {
            ["sessions"] => Some(Self::Sessions),
            ["sessions", session] => Some(Self::Session(session)),
            ["sessions", session, "participants"] => Some(Self::Members(session)),
            ["sessions", session, "participants", participant] => Some(Self::Member(session, participant)),
            ["sessions", session, "participants", participant, "subscriptions"] => {
                Some(Self::MemberSubscriptions(session, participant))
            }
            ["sessions", session, "subscriptions"] => Some(Self::Matrix(session)),
            ["participants"] => Some(Self::Participants),
            ["participants", participant] => Some(Self::Participant(participant)),
            ["participants", participant, "streams"] => Some(Self::Streams(participant)),
            _ => None,
        }
    }

    /// The route that this is.
    pub(crate) fn template(self) -> RouteTemplate {
        let [sessions, session, members, member, subscriptions, matrix, participants, participant, streams] = ROUTES;
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
        }
    }
}

/// An id from a path. One of another form belongs to nothing.
pub(crate) fn session_id(text: &str) -> Result<SessionId, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound(format!("there is no session {}", shortened(text))))
}

/// An id from a path. One of another form belongs to nothing.
pub(crate) fn participant_id(text: &str) -> Result<ParticipantId, ApiError> {
    text.parse().map_err(|_| ApiError::NotFound(format!("there is no participant {}", shortened(text))))
}

/// The account of a path, if it has the form of one.
pub(crate) fn account_id(text: &str) -> Option<AccountId> {
    text.parse().ok()
}

/// At most 64 characters of a text from outside, for a message.
pub(crate) fn shortened(text: &str) -> String {
    let mut characters = text.chars();
    let head: String = characters.by_ref().take(64).collect();
    if characters.next().is_some() { format!("{head}…") } else { head }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_base_paths_and_careless_slashes_lead_to_the_same_place() {
        for path in ["/accounts/1/sessions/2", "/v1/accounts/1/sessions/2", "//accounts//1/sessions/2/"] {
            let (account, rest) = split_account(path).unwrap();
            assert_eq!((account, Target::find(&rest)), ("1", Some(Target::Session("2"))), "{path}");
        }
        for path in ["/", "/accounts", "/v2/accounts/1", "/v1/v1/accounts/1", "/%61ccounts/1"] {
            assert_eq!(split_account(path), None, "{path}");
        }
    }
}
