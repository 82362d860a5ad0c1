//! The codecs that are forwarded, and the payload types that this server gives them.
//!
//! Payload types and header extension ids are those that Chromium offers, so that in the common case both sides of a
//! forwarded stream use the same numbers. A publisher with other numbers is translated where packets come in.

use std::fmt;

use str0m::RtcConfig;
use str0m::format::{Codec as LibraryCodec, CodecSpec, FormatParams};
use str0m::media::{Frequency, Pt};
use str0m::rtp::{Extension, ExtensionMap};

use crate::MediaKind;

/// What one track is encoded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Codec {
    /// RFC 7587. Telephone events (RFC 4733) ride on the same track.
    Opus,
    /// RFC 7741.
    Vp8,
    /// RFC 6184 with packetization mode 1.
    H264(H264Profile),
}

/// The H.264 profiles that browsers send, by the first two bytes of `profile-level-id` (RFC 6184 section 8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum H264Profile {
    ConstrainedBaseline,
    Baseline,
    Main,
    High,
}

/// The payload formats of this server, each under its own number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PayloadFormat {
    Media(Codec),
    /// Telephone events at this clock rate.
    TelephoneEvent(u32),
}

pub(crate) const OPUS: u8 = 111;
pub(crate) const TELEPHONE_EVENT_48K: u8 = 110;
pub(crate) const TELEPHONE_EVENT_8K: u8 = 126;

const H264_PROFILES: [H264Profile; 4] =
    [H264Profile::Baseline, H264Profile::ConstrainedBaseline, H264Profile::Main, H264Profile::High];

impl H264Profile {
    /// From a `profile-level-id`; `None` for a profile that is not forwarded.
    pub(crate) fn from_profile_level_id(id: u32) -> Option<Self> {
        let [_, profile, constraints, _] = id.to_be_bytes();
        match (profile, constraints) {
            (0x42, c) if c & 0x40 != 0 => Some(Self::ConstrainedBaseline),
            (0x42, _) => Some(Self::Baseline),
            (0x4d, _) => Some(Self::Main),
            (0x64, _) => Some(Self::High),
            _ => None,
        }
    }

    fn profile_level_id(self) -> u32 {
        match self {
            Self::ConstrainedBaseline => 0x42_e01f,
            Self::Baseline => 0x42_001f,
            Self::Main => 0x4d_001f,
            Self::High => 0x64_001f,
        }
    }
}

impl Codec {
    pub(crate) fn kind(self) -> MediaKind {
        match self {
            Self::Opus => MediaKind::Audio,
            Self::Vp8 | Self::H264(_) => MediaKind::Video,
        }
    }

    /// The payload type under which subscribers get it.
    pub(crate) fn payload_type(self) -> u8 {
        match self {
            Self::Opus => OPUS,
            Self::Vp8 => 96,
            Self::H264(H264Profile::Baseline) => 102,
            Self::H264(H264Profile::ConstrainedBaseline) => 108,
            Self::H264(H264Profile::Main) => 116,
            Self::H264(H264Profile::High) => 112,
        }
    }

    /// The payload type of its retransmissions (RFC 4588).
    pub(crate) fn rtx_payload_type(self) -> Option<u8> {
        match self {
            Self::Opus => None,
            Self::Vp8 | Self::H264(_) => Some(self.payload_type() + 1),
        }
    }

    /// What stands behind the payload type in `a=rtpmap`.
    pub(crate) fn rtpmap(self) -> &'static str {
        match self {
            Self::Opus => "opus/48000/2",
            Self::Vp8 => "VP8/90000",
            Self::H264(_) => "H264/90000",
        }
    }

    /// What stands behind the payload type in `a=fmtp`.
    pub(crate) fn fmtp(self) -> Option<String> {
        match self {
            Self::Opus => Some("minptime=10;useinbandfec=1".into()),
            Self::Vp8 => None,
            Self::H264(profile) => Some(format!(
                "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={:06x}",
                profile.profile_level_id()
            )),
        }
    }

    /// Whether a packet starts a picture that a decoder can begin with. Audio always does.
    pub(crate) fn starts_key_frame(self, payload: &[u8]) -> bool {
        match self {
            Self::Opus => true,
            Self::Vp8 => str0m::format::detect_vp8_keyframe(payload),
            Self::H264(_) => str0m::format::detect_h264_keyframe(payload),
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rtpmap())
    }
}

impl PayloadFormat {
    /// Which of ours the library's description is; `None` for what is not forwarded.
    pub(crate) fn from_spec(spec: &CodecSpec) -> Option<Self> {
        match spec.codec {
            LibraryCodec::Opus => Some(Self::Media(Codec::Opus)),
            LibraryCodec::Vp8 => Some(Self::Media(Codec::Vp8)),
            LibraryCodec::H264 => {
                let profile = H264Profile::from_profile_level_id(spec.format.profile_level_id?)?;
                Some(Self::Media(Codec::H264(profile)))
            }
            LibraryCodec::Tele => Some(Self::TelephoneEvent(spec.clock_rate.get())),
            _ => None,
        }
    }

    /// The payload type under which subscribers get it; `None` for a clock rate that is not offered.
    pub(crate) fn payload_type(self) -> Option<u8> {
        match self {
            Self::Media(codec) => Some(codec.payload_type()),
            Self::TelephoneEvent(48_000) => Some(TELEPHONE_EVENT_48K),
            Self::TelephoneEvent(8_000) => Some(TELEPHONE_EVENT_8K),
            Self::TelephoneEvent(_) => None,
        }
    }
}

/// The header extensions in use: id, the library's name, and whether subscribers get it.
const EXTENSIONS: [(u8, Extension, Reach); 5] = [
    (1, Extension::AudioLevel, Reach::Forwarded(&[MediaKind::Audio])),
    (2, Extension::AbsoluteSendTime, Reach::PublisherOnly),
    (3, Extension::TransportSequenceNumber, Reach::PublisherOnly),
    (4, Extension::RtpMid, Reach::Forwarded(&[MediaKind::Audio, MediaKind::Video])),
    (13, Extension::VideoOrientation, Reach::Forwarded(&[MediaKind::Video])),
];

#[derive(Debug, Clone, Copy)]
enum Reach {
    /// Between a publisher and this server.
    PublisherOnly,
    /// Offered to subscribers on m-lines of these kinds.
    Forwarded(&'static [MediaKind]),
}

/// Whether a publisher's header extension is of use here.
pub(crate) fn is_wanted_extension(uri: &str) -> bool {
    EXTENSIONS.iter().any(|(_, extension, _)| extension.as_uri() == uri)
}

/// The header extensions that subscribers are offered on m-lines of this kind: id and URI.
pub(crate) fn forwarded_extensions(kind: MediaKind) -> impl Iterator<Item = (u8, String)> {
    EXTENSIONS.iter().filter_map(move |(id, extension, reach)| match reach {
        Reach::Forwarded(kinds) if kinds.contains(&kind) => Some((*id, extension.as_uri().to_owned())),
        Reach::Forwarded(_) | Reach::PublisherOnly => None,
    })
}

/// What every peer connection of this server starts from: RTP mode, ICE lite, our codecs under our numbers.
pub(crate) fn rtc_config(side: Side) -> RtcConfig {
    let mut config = RtcConfig::new().set_rtp_mode(true).set_ice_lite(true).clear_codecs();
    let codecs = config.codec_config();
    let opus = FormatParams { min_p_time: Some(10), use_inband_fec: Some(true), ..Default::default() };
    codecs.add_config(OPUS.into(), None, LibraryCodec::Opus, Frequency::FORTY_EIGHT_KHZ, Some(2), opus);
    for (payload_type, rate) in
        [(TELEPHONE_EVENT_48K, Frequency::FORTY_EIGHT_KHZ), (TELEPHONE_EVENT_8K, Frequency::EIGHT_KHZ)]
    {
        let format = FormatParams::default();
        codecs.add_config(payload_type.into(), None, LibraryCodec::Tele, rate, None, format);
    }
    let rtx = |codec: Codec| codec.rtx_payload_type().map(Pt::from);
    let vp8 = Codec::Vp8.payload_type().into();
    let no_format = FormatParams::default();
    codecs.add_config(vp8, rtx(Codec::Vp8), LibraryCodec::Vp8, Frequency::NINETY_KHZ, None, no_format);
    for profile in H264_PROFILES {
        let codec = Codec::H264(profile);
        codecs.add_h264(codec.payload_type().into(), rtx(codec), true, profile.profile_level_id());
    }
    let mut extensions = ExtensionMap::empty();
    for (id, extension, reach) in EXTENSIONS {
        match (side, reach) {
            (Side::Publish, _) | (Side::Subscribe, Reach::Forwarded(_)) => extensions.set(id, extension),
            (Side::Subscribe, Reach::PublisherOnly) => {}
        }
    }
    config.set_extension_map(extensions)
}

/// Which of a device's two peer connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The one that the device sends on.
    Publish,
    /// The one that the device receives on.
    Subscribe,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_told_apart_by_their_bytes() {
        for (id, profile) in [
            (0x42_001f, Some(H264Profile::Baseline)),
            (0x42_e01f, Some(H264Profile::ConstrainedBaseline)),
            (0x42_c034, Some(H264Profile::ConstrainedBaseline)),
            (0x4d_001f, Some(H264Profile::Main)),
            (0x64_0032, Some(H264Profile::High)),
            (0xf4_001f, None),
        ] {
            assert_eq!(H264Profile::from_profile_level_id(id), profile, "{id:06x}");
        }
    }

    #[test]
    fn no_two_formats_share_a_payload_type() {
        let mut codecs = vec![Codec::Opus, Codec::Vp8];
        codecs.extend(H264_PROFILES.map(Codec::H264));
        let mut numbers: Vec<u8> = codecs
            .iter()
            .flat_map(|codec| [Some(codec.payload_type()), codec.rtx_payload_type()])
            .flatten()
            .chain([TELEPHONE_EVENT_48K, TELEPHONE_EVENT_8K])
            .collect();
        let count = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), count);
    }
}
