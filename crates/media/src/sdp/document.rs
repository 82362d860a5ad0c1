//! A session description as lines: nothing is interpreted, nothing is lost, everything is bounded.

use super::SdpRefusal;

/// The longest description, in bytes. A browser's offer of 60 m-lines with every codec has about 160 kB.
pub const SDP_LEN_MAX: usize = 256 * 1024;
/// The longest line, in bytes.
const LINE_LEN_MAX: usize = 4 * 1024;
/// The most m-lines.
const MEDIA_LINES_MAX: usize = 1_024;

/// A description cut into its session part and its media sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Session,
    Media,
}

/// The lines of a description, borrowed from its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document<'a> {
    pub(crate) session: Lines<'a>,
    pub(crate) media: Vec<Section<'a>>,
}

/// One m-line and the lines below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section<'a> {
    /// What stands behind `m=`.
    pub(crate) media: &'a str,
    pub(crate) lines: Lines<'a>,
}

/// Lines without the m-line: type and value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Lines<'a>(Vec<(char, &'a str)>);

impl<'a> Document<'a> {
    /// Cuts a text into lines. Lines end with CR LF or LF (RFC 8866 section 5).
    pub(crate) fn parse(text: &'a str) -> Result<Self, SdpRefusal> {
        if text.len() > SDP_LEN_MAX {
            return Err(SdpRefusal::TooLong);
        }
        let mut document = Self { session: Lines::default(), media: Vec::new() };
        let mut place = Place::Session;
        for (number, line) in text.lines().enumerate() {
            if line.is_empty() {
                continue;
            }
            let (kind, value) = split_line(line).ok_or(SdpRefusal::MalformedLine(number + 1))?;
            match (kind, place) {
                ('m', Place::Session | Place::Media) => {
                    if document.media.len() >= MEDIA_LINES_MAX {
                        return Err(SdpRefusal::TooManyMediaLines(MEDIA_LINES_MAX));
                    }
                    place = Place::Media;
                    document.media.push(Section { media: value, lines: Lines::default() });
                }
                (kind, Place::Session) => document.session.0.push((kind, value)),
                (kind, Place::Media) => {
                    if let Some(section) = document.media.last_mut() {
                        section.lines.0.push((kind, value));
                    }
                }
            }
        }
        if document.media.is_empty() {
            return Err(SdpRefusal::Missing("m-line"));
        }
        Ok(document)
    }

    /// The first value of an attribute in a section, or else in the session part.
    pub(crate) fn attribute_for(&self, section: &Section<'a>, name: &str) -> Option<&'a str> {
        section.lines.attribute(name).or_else(|| self.session.attribute(name))
    }

    /// The mids of the bundle, in its order.
    pub(crate) fn bundled_mids(&self) -> impl Iterator<Item = &'a str> {
        self.session
            .attributes("group")
            .filter_map(|value| value.strip_prefix("BUNDLE"))
            .flat_map(str::split_ascii_whitespace)
    }
}

fn split_line(line: &str) -> Option<(char, &str)> {
    let (kind, value) = line.split_once('=')?;
    let mut kind = kind.chars();
    match (kind.next(), kind.next()) {
        (Some(kind), None) if kind.is_ascii_alphabetic() && line.len() <= LINE_LEN_MAX => Some((kind, value)),
        _ => None,
    }
}

impl<'a> Section<'a> {
    /// The words of the m-line: media, port, protocol, formats.
    pub(crate) fn words(&self) -> impl Iterator<Item = &'a str> {
        self.media.split_ascii_whitespace()
    }

    /// Whether the section is switched off by port 0 (RFC 3264 section 6).
    pub(crate) fn is_rejected(&self) -> bool {
        self.words().nth(1).is_none_or(|port| port == "0")
    }
}

impl<'a> Lines<'a> {
    /// All lines, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (char, &'a str)> {
        self.0.iter().copied()
    }

    /// The values of `a=name:value` lines, and `""` for `a=name`.
    pub(crate) fn attributes(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.iter().filter_map(move |(kind, value)| {
            let (key, value) = value.split_once(':').unwrap_or((value, ""));
            (kind == 'a' && key == name).then_some(value)
        })
    }

    /// The first of [`Lines::attributes`].
    pub(crate) fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes(name).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_keep_their_lines() {
        let text = "v=0\r\na=group:BUNDLE 0 1\r\nm=audio 9 X 111\r\na=mid:0\r\na=sendonly\r\nm=video 0 X 96\na=mid:1\n";
        let document = Document::parse(text).unwrap();
        assert_eq!(document.bundled_mids().collect::<Vec<_>>(), ["0", "1"]);
        let [audio, video] = &document.media[..] else { panic!("two sections") };
        assert_eq!(audio.lines.attribute("mid"), Some("0"));
        assert_eq!(audio.lines.attribute("sendonly"), Some(""));
        assert_eq!((audio.is_rejected(), video.is_rejected()), (false, true));
    }

    #[test]
    fn malformed_texts_are_refused() {
        for (text, refusal) in [
            (String::new(), SdpRefusal::Missing("m-line")),
            ("hello".into(), SdpRefusal::MalformedLine(1)),
            ("v=0\nab=c".into(), SdpRefusal::MalformedLine(2)),
            ("=x".into(), SdpRefusal::MalformedLine(1)),
            (format!("a={}", "x".repeat(5_000)), SdpRefusal::MalformedLine(1)),
            ("x".repeat(SDP_LEN_MAX + 1), SdpRefusal::TooLong),
            ("m=audio 9 X 0\n".repeat(1_025), SdpRefusal::TooManyMediaLines(1_024)),
        ] {
            assert_eq!(Document::parse(&text), Err(refusal));
        }
    }
}
