//! What a device wants to publish, and the form in which the peer connection gets to see it.
//!
//! The library accepts what an offer says; so the offer is cut down first to what this server forwards: one codec for
//! each m-line (the publisher's favourite among ours), the wanted header extensions, and `inactive` where nothing may
//! be sent. The answer then follows from the library.

use std::collections::HashSet;
use std::fmt::Write;

use super::SdpRefusal;
use super::document::{Document, Section};
use crate::MediaKind;
use crate::codec::{Codec, H264Profile, is_wanted_extension};

/// The longest mid, in characters; the library keeps no more.
const MID_LEN_MAX: usize = 16;
/// The longest stream or track id in `a=msid` (RFC 8830 section 2), in bytes.
const MSID_LEN_MAX: usize = 64;
/// The most m-lines that a device may publish on.
const PUBLISH_LINES_MAX: usize = 64;

/// An offer of a device, read once.
#[derive(Debug, Clone)]
pub(crate) struct PublishOffer<'a> {
    ice_ufrag: &'a str,
    document: Document<'a>,
    lines: Vec<PublishLine<'a>>,
}

/// One m-line of the offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PublishLine<'a> {
    /// Data channels.
    Application { mid: &'a str },
    /// Switched off, or nothing on it can be forwarded: answered with port 0.
    Off { mid: &'a str, reason: OffReason },
    /// Nothing is sent on it now: answered as inactive.
    Idle { mid: &'a str, formats: Formats },
    /// Something that the device wants to send.
    Track(OfferedTrack<'a>),
}

/// Why an m-line carries nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OffReason {
    /// The device gave it port 0.
    Rejected,
    /// None of its codecs is forwarded.
    NoCodec,
}

/// A track that the device wants to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfferedTrack<'a> {
    pub(crate) mid: &'a str,
    /// The MediaStream, as the device calls it.
    pub(crate) stream: &'a str,
    /// The MediaStreamTrack, as the device calls it.
    pub(crate) track: &'a str,
    pub(crate) formats: Formats,
}

/// What is kept of the formats of an m-line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Formats {
    pub(crate) codec: Codec,
    /// The publisher's numbers: codec, RTX, telephone events.
    payload_types: Vec<u8>,
}

impl<'a> PublishOffer<'a> {
    /// Reads an offer and checks it against every bound.
    pub(crate) fn parse(text: &'a str) -> Result<Self, SdpRefusal> {
        let document = Document::parse(text)?;
        if document.media.len() > PUBLISH_LINES_MAX {
            return Err(SdpRefusal::TooManyMediaLines(PUBLISH_LINES_MAX));
        }
        let bundled: HashSet<&str> = document.bundled_mids().collect();
        let mut mids = HashSet::new();
        let mut lines = Vec::with_capacity(document.media.len());
        for (index, section) in document.media.iter().enumerate() {
            let line = read_line(section).map_err(|problem| SdpRefusal::MediaLine { index, problem })?;
            let problem = match &line {
                PublishLine::Application { mid }
                | PublishLine::Idle { mid, .. }
                | PublishLine::Track(OfferedTrack { mid, .. })
                    if !bundled.contains(mid) =>
                {
                    Some("it is not in the bundle")
                }
                _ if !mids.insert(line.mid()) => Some("another one has the same mid"),
                _ => None,
            };
            match problem {
                Some(problem) => return Err(SdpRefusal::MediaLine { index, problem }),
                None => lines.push(line),
            }
        }
        let applications =
            lines.iter().filter(|line| matches!(line, PublishLine::Application { .. })).count();
        if applications > 1 {
            return Err(SdpRefusal::Contradiction("it has two m=application lines"));
        }
        let Some(first) = document.media.first() else {
            return Err(SdpRefusal::Missing("m-line"));
        };
        let live = document.media.iter().find(|section| !section.is_rejected()).unwrap_or(first);
        let transport = |name| {
            let value = document.attribute_for(live, name).filter(|value| !value.is_empty());
            value.ok_or(SdpRefusal::Missing(name_of_transport_attribute(name)))
        };
        let ice_ufrag = transport("ice-ufrag")?;
        transport("ice-pwd")?;
        transport("fingerprint")?;
        Ok(Self { ice_ufrag, document, lines })
    }

    /// The device's ICE user name.
    pub(crate) fn ice_ufrag(&self) -> &'a str {
        self.ice_ufrag
    }

    /// The m-lines, in order.
    pub(crate) fn lines(&self) -> &[PublishLine<'a>] {
        &self.lines
    }

    /// The offer as the peer connection gets it: only tracks in `accepted_mids` may send.
    pub(crate) fn render(&self, accepted_mids: &HashSet<&str>) -> String {
        let mut out = String::with_capacity(1_024 + 1_024 * self.lines.len());
        for (kind, value) in self.document.session.iter() {
            let wanted = match kind {
                'a' => is_transport_attribute(value),
                _ => true,
            };
            if wanted {
                push_line(&mut out, kind, value);
            }
        }
        // The library wants the bundle in the order of the m-lines, and without those that are off.
        out.push_str("a=group:BUNDLE");
        for line in self.lines.iter().filter(|line| !matches!(line, PublishLine::Off { .. })) {
            let _ = write!(out, " {}", line.mid());
        }
        out.push_str("\r\n");
        for (section, line) in self.document.media.iter().zip(&self.lines) {
            render_section(&mut out, section, line, accepted_mids.contains(line.mid()));
        }
        out
    }
}

impl<'a> PublishLine<'a> {
    pub(crate) fn mid(&self) -> &'a str {
        match self {
            Self::Application { mid } | Self::Off { mid, .. } | Self::Idle { mid, .. } => mid,
            Self::Track(track) => track.mid,
        }
    }
}

fn name_of_transport_attribute(name: &str) -> &'static str {
    match name {
        "fingerprint" => "a=fingerprint",
        _ => "a=ice-ufrag and a=ice-pwd",
    }
}

fn read_line<'a>(section: &Section<'a>) -> Result<PublishLine<'a>, &'static str> {
    let mid = section.lines.attribute("mid").ok_or("it has no a=mid")?;
    let plain = mid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if mid.is_empty() || mid.len() > MID_LEN_MAX || !plain {
        return Err("its mid is not 1 to 16 letters and digits");
    }
    let kind = match section.words().next() {
        Some("application") if section.is_rejected() => return Err("data channels can't be switched off"),
        Some("application") => return Ok(PublishLine::Application { mid }),
        Some("audio") => MediaKind::Audio,
        Some("video") => MediaKind::Video,
        _ => return Err("it is neither audio nor video nor application"),
    };
    if section.is_rejected() {
        return Ok(PublishLine::Off { mid, reason: OffReason::Rejected });
    }
    let Some(formats) = choose_formats(section, kind)? else {
        return Ok(PublishLine::Off { mid, reason: OffReason::NoCodec });
    };
    if ["recvonly", "inactive"].iter().any(|name| section.lines.attribute(name).is_some()) {
        return Ok(PublishLine::Idle { mid, formats });
    }
    let msid = section.lines.attribute("msid").ok_or("it has no a=msid")?;
    let mut words = msid.split_ascii_whitespace();
    let (Some(stream), track) = (words.next(), words.next().unwrap_or(mid)) else {
        return Err("its msid is empty");
    };
    if stream.len() > MSID_LEN_MAX || track.len() > MSID_LEN_MAX {
        return Err("its msid is longer than 64 characters");
    }
    Ok(PublishLine::Track(OfferedTrack { mid, stream, track, formats }))
}

/// The first codec of the m-line that is forwarded, and the numbers of all formats to keep with it.
fn choose_formats(section: &Section<'_>, kind: MediaKind) -> Result<Option<Formats>, &'static str> {
    let offered = section
        .words()
        .skip(3)
        .map(|word| word.parse::<u8>().ok().filter(|number| *number < 128))
        .collect::<Option<Vec<u8>>>()
        .ok_or("a payload type is not a number below 128")?;
    let chosen = offered.iter().find_map(|number| Some((*number, codec_of(section, *number, kind)?)));
    let Some((payload_type, codec)) = chosen else {
        return Ok(None);
    };
    let mut payload_types = vec![payload_type];
    payload_types.extend(offered.iter().copied().filter(|number| match codec.kind() {
        MediaKind::Audio => is_telephone_event(section, *number),
        MediaKind::Video => retransmits(section, *number, payload_type),
    }));
    Ok(Some(Formats { codec, payload_types }))
}

fn codec_of(section: &Section<'_>, number: u8, kind: MediaKind) -> Option<Codec> {
    let rtpmap = for_payload_type(section, "rtpmap", number).next()?;
    let codec = match (kind, rtpmap.to_ascii_lowercase().as_str()) {
        (MediaKind::Audio, "opus/48000/2") => Codec::Opus,
        (MediaKind::Video, "vp8/90000") => Codec::Vp8,
        (MediaKind::Video, "h264/90000") => {
            let parameter = |name| {
                for_payload_type(section, "fmtp", number)
                    .flat_map(|value| value.split(';'))
                    .filter_map(|pair| pair.trim().split_once('='))
                    .find_map(move |(key, value)| (key == name).then_some(value))
            };
            let mode_1 = parameter("packetization-mode") == Some("1");
            let id = u32::from_str_radix(parameter("profile-level-id")?, 16).ok().filter(|_| mode_1)?;
            Codec::H264(H264Profile::from_profile_level_id(id)?)
        }
        _ => return None,
    };
    Some(codec)
}

fn is_telephone_event(section: &Section<'_>, number: u8) -> bool {
    for_payload_type(section, "rtpmap", number).any(|value| {
        value.eq_ignore_ascii_case("telephone-event/48000")
            || value.eq_ignore_ascii_case("telephone-event/8000")
    })
}

fn retransmits(section: &Section<'_>, number: u8, original: u8) -> bool {
    let is_rtx = for_payload_type(section, "rtpmap", number).any(|v| v.eq_ignore_ascii_case("rtx/90000"));
    let apt = format!("apt={original}");
    is_rtx && for_payload_type(section, "fmtp", number).any(|value| value.split(';').any(|p| p.trim() == apt))
}

/// The values of `a=name:number value` lines.
fn for_payload_type<'a>(
    section: &Section<'a>,
    name: &'static str,
    number: u8,
) -> impl Iterator<Item = &'a str> {
    section.lines.attributes(name).filter_map(move |value| {
        let (key, rest) = value.split_once(' ')?;
        (key.parse() == Ok(number)).then_some(rest.trim())
    })
}

fn render_section(out: &mut String, section: &Section<'_>, line: &PublishLine<'_>, accepted: bool) {
    match line {
        PublishLine::Application { .. } => {
            push_line(out, 'm', section.media);
            for (kind, value) in section.lines.iter().filter(|(_, value)| !value.starts_with("candidate")) {
                push_line(out, kind, value);
            }
        }
        PublishLine::Off { mid, reason: OffReason::Rejected | OffReason::NoCodec } => {
            let media = section.words().next().unwrap_or("audio");
            // The one format is none of ours: the library must not learn formats from a line that is off.
            let _ = write!(out, "m={media} 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\n");
            let _ = write!(out, "a=mid:{mid}\r\na=inactive\r\na=rtcp-mux\r\na=rtpmap:0 PCMU/8000\r\n");
            for (kind, value) in section.lines.iter().filter(|(_, value)| is_transport_attribute(value)) {
                push_line(out, kind, value);
            }
        }
        PublishLine::Idle { formats, .. } => render_formats(out, section, formats, "inactive"),
        PublishLine::Track(track) => {
            let direction = if accepted { "sendonly" } else { "inactive" };
            render_formats(out, section, &track.formats, direction);
        }
    }
}

fn render_formats(out: &mut String, section: &Section<'_>, formats: &Formats, direction: &str) {
    let Formats { codec, payload_types } = formats;
    let numbers: Vec<String> = payload_types.iter().map(u8::to_string).collect();
    let _ = write!(out, "m={} 9 UDP/TLS/RTP/SAVPF {}\r\n", codec.kind().as_str(), numbers.join(" "));
    push_line(out, 'c', "IN IP4 0.0.0.0");
    push_line(out, 'a', direction);
    for (kind, value) in section.lines.iter().filter(|(kind, _)| *kind == 'a') {
        if is_kept_track_attribute(value, payload_types) {
            push_line(out, kind, value);
        }
    }
}

fn is_transport_attribute(value: &str) -> bool {
    let name = value.split(':').next().unwrap_or_default();
    matches!(name, "ice-ufrag" | "ice-pwd" | "ice-options" | "ice-lite" | "fingerprint" | "setup")
}

fn is_kept_track_attribute(value: &str, payload_types: &[u8]) -> bool {
    let (name, rest) = value.split_once(':').unwrap_or((value, ""));
    match name {
        "mid" | "msid" | "rtcp-mux" | "rtcp-rsize" | "ssrc" => true,
        "ssrc-group" => rest.starts_with("FID "),
        "extmap" => rest.split_ascii_whitespace().nth(1).is_some_and(is_wanted_extension),
        "rtpmap" | "fmtp" | "rtcp-fb" => {
            let number = rest.split_ascii_whitespace().next().and_then(|word| word.parse().ok());
            number.is_some_and(|number| payload_types.contains(&number))
        }
        _ => is_transport_attribute(value),
    }
}

fn push_line(out: &mut String, kind: char, value: &str) {
    out.push(kind);
    out.push('=');
    out.push_str(value);
    out.push_str("\r\n");
}

#[cfg(test)]
#[path = "publish_tests.rs"]
mod tests;
