//! What a device answers to an offer of ours.

use str0m::IceCreds;
use str0m::config::Fingerprint;

use super::SdpRefusal;
use super::document::Document;
use super::offer::mid_of;

/// An answer, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SubscribeAnswer {
    pub(crate) credentials: IceCreds,
    pub(crate) fingerprint: Fingerprint,
    /// One for each media line, in order; the application line is not among them.
    pub(crate) lines: Vec<LineAnswer>,
}

/// What the device says to one media line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineAnswer {
    /// It receives on it.
    Receiving,
    /// It doesn't.
    Off,
}

impl SubscribeAnswer {
    /// Reads an answer to an offer of `offered_lines` media lines.
    pub(crate) fn parse(text: &str, offered_lines: usize) -> Result<Self, SdpRefusal> {
        let document = Document::parse(text)?;
        let Some((application, media)) = document.media.split_first() else {
            return Err(SdpRefusal::Missing("m-line"));
        };
        if application.words().next() != Some("application") || application.is_rejected() {
            return Err(SdpRefusal::Contradiction("its first m-line is not the offered m=application"));
        }
        if media.len() != offered_lines {
            return Err(SdpRefusal::Contradiction("it has another number of m-lines than the offer"));
        }
        let transport = |name| document.attribute_for(application, name).filter(|value| !value.is_empty());
        let credentials = IceCreds {
            ufrag: transport("ice-ufrag").ok_or(SdpRefusal::Missing("a=ice-ufrag"))?.to_owned(),
            pass: transport("ice-pwd").ok_or(SdpRefusal::Missing("a=ice-pwd"))?.to_owned(),
        };
        let fingerprint = transport("fingerprint")
            .and_then(|value| value.parse::<Fingerprint>().ok())
            .ok_or(SdpRefusal::Missing("a=fingerprint"))?;
        if transport("setup") == Some("active") {
            return Err(SdpRefusal::Contradiction(
                "its a=setup must be passive: the server is the DTLS client",
            ));
        }
        let lines = media
            .iter()
            .enumerate()
            .map(|(index, section)| {
                let problem = "its mid is not the offered one";
                if section.lines.attribute("mid") != Some(mid_of(index).as_str()) {
                    return Err(SdpRefusal::MediaLine { index: index + 1, problem });
                }
                let receives = !section.is_rejected() && section.lines.attribute("recvonly").is_some();
                Ok(if receives { LineAnswer::Receiving } else { LineAnswer::Off })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { credentials, fingerprint, lines })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of the browser package in Chromium.
    const ACTPASS: &str = include_str!("../../testdata/subscribe-answer-to-actpass.sdp");
    const THREE_STREAMS: &str = include_str!("../../testdata/subscribe-answer-three-streams.sdp");
    const INACTIVE: &str = include_str!("../../testdata/subscribe-answer-after-inactive.sdp");
    const PORT_0: &str = include_str!("../../testdata/subscribe-answer-after-port0.sdp");

    #[test]
    fn real_answers_are_read() {
        use LineAnswer::{Off, Receiving};
        for (sdp, ufrag, lines) in [
            (ACTPASS, "4DKK", vec![Receiving; 2]),
            (THREE_STREAMS, "YBNP", vec![Receiving; 5]),
            (INACTIVE, "HCBc", vec![Off; 2]),
        ] {
            let answer = SubscribeAnswer::parse(sdp, lines.len()).unwrap();
            assert_eq!((answer.credentials.ufrag.as_str(), answer.lines), (ufrag, lines));
            assert_eq!(answer.fingerprint.bytes.len(), 32);
        }
        assert_eq!(SubscribeAnswer::parse(PORT_0, 2).unwrap().lines, [Off; 2]);
    }

    #[test]
    fn answers_that_do_not_fit_are_refused() {
        let other_mid = SdpRefusal::MediaLine { index: 1, problem: "its mid is not the offered one" };
        for (sdp, refusal) in [
            (ACTPASS.replace("m=audio", "m=application"), None),
            (
                ACTPASS.replace("m=application 9", "m=application 0"),
                Some(SdpRefusal::Contradiction("its first m-line is not the offered m=application")),
            ),
            (
                THREE_STREAMS.to_owned(),
                Some(SdpRefusal::Contradiction("it has another number of m-lines than the offer")),
            ),
            (
                ACTPASS.replace("a=setup:passive", "a=setup:active"),
                Some(SdpRefusal::Contradiction("its a=setup must be passive: the server is the DTLS client")),
            ),
            (ACTPASS.replace("a=mid:1", "a=mid:7"), Some(other_mid)),
            (ACTPASS.replace("a=ice-pwd", "a=x"), Some(SdpRefusal::Missing("a=ice-pwd"))),
            (ACTPASS.replace("sha-256 6D", "sha-256 XX"), Some(SdpRefusal::Missing("a=fingerprint"))),
        ] {
            assert_eq!(SubscribeAnswer::parse(&sdp, 2).err(), refusal);
        }
    }
}
