//! The offer by which a device learns what it receives.
//!
//! Transport attributes stand once, for all m-lines, and each m-line lists the one codec that its track has: an offer of
//! many streams stays small. (Chromium switches all but the first media line off when only the first section of the
//! bundle has them, as RFC 8843 section 9.2 would allow.)

use std::fmt::Write;

use crosspoint_ids::StreamId;
use str0m::{Candidate, IceCreds};

use crate::codec::{Codec, TELEPHONE_EVENT_8K, TELEPHONE_EVENT_48K, forwarded_extensions};

/// Everything that stands in an offer.
#[derive(Debug)]
pub(crate) struct SubscribeOffer<'a> {
    /// Stands in `o=`; the same for the life of the connection.
    pub(crate) session_id: u64,
    /// Grows with every offer.
    pub(crate) revision: u32,
    pub(crate) credentials: &'a IceCreds,
    /// As in `a=fingerprint`.
    pub(crate) fingerprint: &'a str,
    pub(crate) candidates: &'a [Candidate],
    pub(crate) lines: &'a [OfferLine],
}

/// One m-line. Its mid is its place among the m-lines, counted with the application line at 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfferLine {
    /// The codec that it has, or had last.
    pub(crate) codec: Codec,
    /// What it carries; `None` makes it inactive.
    pub(crate) carried: Option<CarriedTrack>,
}

/// A track on its m-line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CarriedTrack {
    pub(crate) stream: StreamId,
    /// Tells the tracks of one stream apart.
    pub(crate) track: usize,
    pub(crate) ssrc: u32,
    /// The SSRC of retransmissions, for video.
    pub(crate) rtx_ssrc: Option<u32>,
}

/// The mid of the line at `index` among the media lines.
pub(crate) fn mid_of(index: usize) -> String {
    (index + 1).to_string()
}

impl SubscribeOffer<'_> {
    /// The offer as text.
    pub(crate) fn render(&self) -> String {
        let mut out = String::with_capacity(1_024 + 512 * self.lines.len());
        // Writing to a String can't fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        write!(out, "v=0\r\no=- {} {} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", self.session_id, self.revision)?;
        write!(out, "a=group:BUNDLE 0")?;
        for index in 0..self.lines.len() {
            write!(out, " {}", mid_of(index))?;
        }
        write!(out, "\r\na=ice-lite\r\na=msid-semantic: WMS *\r\n")?;
        self.write_transport(out)?;
        self.write_application(out)?;
        for (index, line) in self.lines.iter().enumerate() {
            write_line(out, &mid_of(index), line)?;
        }
        Ok(())
    }

    fn write_transport(&self, out: &mut String) -> std::fmt::Result {
        let IceCreds { ufrag, pass } = self.credentials;
        write!(out, "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pass}\r\n")?;
        write!(out, "a=fingerprint:{}\r\na=setup:actpass\r\n", self.fingerprint)
    }

    fn write_application(&self, out: &mut String) -> std::fmt::Result {
        write!(out, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n")?;
        self.write_transport(out)?;
        write!(out, "a=sctp-port:5000\r\na=max-message-size:65536\r\n")?;
        for candidate in self.candidates {
            write!(out, "a={}\r\n", candidate.to_sdp_string())?;
        }
        write!(out, "a=end-of-candidates\r\n")
    }
}

fn write_line(out: &mut String, mid: &str, line: &OfferLine) -> std::fmt::Result {
    let kind = line.codec.kind();
    let payload_type = line.codec.payload_type();
    write!(out, "m={} 9 UDP/TLS/RTP/SAVPF {payload_type}", kind.as_str())?;
    match line.codec {
        Codec::Opus => write!(out, " {TELEPHONE_EVENT_48K} {TELEPHONE_EVENT_8K}")?,
        Codec::Vp8 | Codec::H264(_) => {
            if let Some(rtx) = line.codec.rtx_payload_type() {
                write!(out, " {rtx}")?;
            }
        }
    }
    write!(out, "\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\n")?;
    for (id, uri) in forwarded_extensions(kind) {
        write!(out, "a=extmap:{id} {uri}\r\n")?;
    }
    let direction = if line.carried.is_some() { "sendonly" } else { "inactive" };
    write!(out, "a={direction}\r\na=rtcp-mux\r\na=rtcp-rsize\r\n")?;
    write_formats(out, line.codec)?;
    if let Some(carried) = &line.carried {
        write_carried(out, carried)?;
    }
    Ok(())
}

fn write_formats(out: &mut String, codec: Codec) -> std::fmt::Result {
    let payload_type = codec.payload_type();
    write!(out, "a=rtpmap:{payload_type} {}\r\n", codec.rtpmap())?;
    if let Some(fmtp) = codec.fmtp() {
        write!(out, "a=fmtp:{payload_type} {fmtp}\r\n")?;
    }
    match codec {
        Codec::Opus => {
            write!(out, "a=rtpmap:{TELEPHONE_EVENT_48K} telephone-event/48000\r\n")?;
            write!(out, "a=rtpmap:{TELEPHONE_EVENT_8K} telephone-event/8000\r\n")?;
        }
        Codec::Vp8 | Codec::H264(_) => {
            for feedback in ["nack", "nack pli", "ccm fir"] {
                write!(out, "a=rtcp-fb:{payload_type} {feedback}\r\n")?;
            }
            if let Some(rtx) = codec.rtx_payload_type() {
                write!(out, "a=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={payload_type}\r\n")?;
            }
        }
    }
    Ok(())
}

fn write_carried(out: &mut String, carried: &CarriedTrack) -> std::fmt::Result {
    let CarriedTrack { stream, track, ssrc, rtx_ssrc } = carried;
    write!(out, "a=msid:{stream} {stream}-{track}\r\n")?;
    if let Some(rtx_ssrc) = rtx_ssrc {
        write!(out, "a=ssrc-group:FID {ssrc} {rtx_ssrc}\r\n")?;
    }
    for ssrc in [Some(ssrc), rtx_ssrc.as_ref()].into_iter().flatten() {
        write!(out, "a=ssrc:{ssrc} cname:{stream}\r\n")?;
    }
    Ok(())
}
