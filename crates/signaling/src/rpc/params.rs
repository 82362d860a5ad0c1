//! The parameters of the methods that have any. Unknown members are skipped.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use crosspoint_model::{ALIAS_CHARS_MAX, Alias};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::Confidential;

/// The longest SDP, in bytes. An offer of a browser with two streams has about 10,000.
pub const SDP_LEN_MAX: usize = 256 * 1024;
/// The most streams that one device may publish.
pub const STREAMS_MAX: usize = 64;
/// The longest id of a MediaStream, in bytes. RFC 8830, section 2 allows 64 characters.
pub const MSID_LEN_MAX: usize = 256;

/// Parameters of `offerSdp`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferSdp {
    /// The device's SDP, 1 to [`SDP_LEN_MAX`] bytes.
    pub sdp: Confidential,
    /// All streams that are up after this offer, at most [`STREAMS_MAX`], no msid twice.
    pub streams: Vec<RequestedStream>,
}

/// A stream that the device wants to be up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedStream {
    /// The MediaStream's id, as in `a=msid`; at most [`MSID_LEN_MAX`] bytes.
    pub msid: String,
    /// The name that the device gives it. An empty one is none: no subscription could name it.
    pub alias: Option<Alias>,
}

/// Parameters of `answerSdp`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerSdp {
    /// The device's SDP, 1 to [`SDP_LEN_MAX`] bytes.
    pub sdp: Confidential,
}

/// What is wrong with parameters. The text names the member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidParams {
    /// A member is absent, or of another type.
    #[error("{member}: {wanted} is required")]
    Wanted {
        /// Which.
        member: &'static str,
        /// What should stand there.
        wanted: &'static str,
    },
    /// An SDP is too long.
    #[error("{member}: longer than {SDP_LEN_MAX} bytes")]
    SdpTooLong {
        /// Which.
        member: &'static str,
    },
    /// Too many streams.
    #[error("mediaMetadata.mediaStreams: more than {STREAMS_MAX} streams")]
    TooManyStreams,
    /// A stream's id is too long.
    #[error("mediaMetadata.mediaStreams: a stream id is longer than {MSID_LEN_MAX} bytes")]
    MsidTooLong,
    /// A stream is there twice.
    #[error("mediaMetadata.mediaStreams: stream {0:?} stands twice")]
    StreamTwice(String),
    /// A stream's entry is neither an object nor null.
    #[error("mediaMetadata.mediaStreams: an object is required for stream {0:?}")]
    NotAStream(String),
    /// A stream's alias is not a text of at most 128 characters.
    #[error(
        "mediaMetadata.mediaStreams: alias of stream {0:?}: a string of at most {ALIAS_CHARS_MAX} characters is required"
    )]
    Alias(String),
}

impl OfferSdp {
    pub(super) fn parse(params: Option<&RawValue>) -> Result<Self, InvalidParams> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Members<'a> {
            #[serde(borrow)]
            sdp_offer: Option<&'a RawValue>,
            #[serde(borrow)]
            media_metadata: Option<&'a RawValue>,
        }

        let members: Members<'_> = object("params", params)?;
        Ok(Self {
            sdp: sdp("sdpOffer", members.sdp_offer)?,
            streams: requested_streams(members.media_metadata)?,
        })
    }
}

impl AnswerSdp {
    pub(super) fn parse(params: Option<&RawValue>) -> Result<Self, InvalidParams> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Members<'a> {
            #[serde(borrow)]
            sdp_answer: Option<&'a RawValue>,
        }

        let members: Members<'_> = object("params", params)?;
        Ok(Self { sdp: sdp("sdpAnswer", members.sdp_answer)? })
    }
}

fn requested_streams(media_metadata: Option<&RawValue>) -> Result<Vec<RequestedStream>, InvalidParams> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Members<'a> {
        #[serde(borrow)]
        media_streams: Option<&'a RawValue>,
    }

    let Some(media_metadata) = media_metadata else {
        return Ok(Vec::new());
    };
    let members: Members<'_> = object("mediaMetadata", Some(media_metadata))?;
    let Some(media_streams) = members.media_streams else {
        return Ok(Vec::new());
    };
    let entries: Entries<'_> = object("mediaMetadata.mediaStreams", Some(media_streams))?;
    if entries.0.len() > STREAMS_MAX {
        return Err(InvalidParams::TooManyStreams);
    }
    let mut streams: Vec<RequestedStream> = Vec::with_capacity(entries.0.len());
    for (msid, entry) in entries.0 {
        if msid.len() > MSID_LEN_MAX {
            return Err(InvalidParams::MsidTooLong);
        }
        if streams.iter().any(|stream| stream.msid == msid) {
            return Err(InvalidParams::StreamTwice(msid.into_owned()));
        }
        let alias = requested_alias(&msid, entry)?;
        streams.push(RequestedStream { msid: msid.into_owned(), alias });
    }
    Ok(streams)
}

fn requested_alias(msid: &str, entry: &RawValue) -> Result<Option<Alias>, InvalidParams> {
    #[derive(Deserialize)]
    struct Members<'a> {
        #[serde(borrow)]
        alias: Option<&'a RawValue>,
    }

    if entry.get() == "null" {
        return Ok(None);
    }
    let members: Members<'_> =
        object("stream", Some(entry)).map_err(|_| InvalidParams::NotAStream(msid.to_owned()))?;
    let Some(alias) = members.alias else {
        return Ok(None);
    };
    match text(alias).map(|alias| Alias::new(&alias)) {
        Some(Ok(alias)) => Ok(Some(alias).filter(|alias| !alias.as_str().is_empty())),
        Some(Err(_)) | None => Err(InvalidParams::Alias(msid.to_owned())),
    }
}

/// A string, its escapes resolved.
pub(super) fn text(json: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    serde_json::from_str(json.get()).ok().map(|Text(text)| text)
}

/// An object; serde alone would take an array for one, too.
fn object<'a, T: Deserialize<'a>>(
    member: &'static str,
    json: Option<&'a RawValue>,
) -> Result<T, InvalidParams> {
    json.map(RawValue::get)
        .filter(|json| json.starts_with('{'))
        .and_then(|json| serde_json::from_str(json).ok())
        .ok_or(InvalidParams::Wanted { member, wanted: "an object" })
}

fn sdp(member: &'static str, json: Option<&RawValue>) -> Result<Confidential, InvalidParams> {
    let sdp = json.and_then(text).filter(|sdp| !sdp.is_empty());
    let sdp = sdp.ok_or(InvalidParams::Wanted { member, wanted: "a string with an SDP" })?;
    if sdp.len() > SDP_LEN_MAX {
        return Err(InvalidParams::SdpTooLong { member });
    }
    Ok(Confidential::from(sdp.into_owned()))
}

/// The entries of an object in their order; one more than allowed at most, the others are skipped.
struct Entries<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for EntriesVisitor<'a> {
            type Value = Entries<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while entries.len() <= STREAMS_MAX {
                    match map.next_entry::<Key<'a>, &'a RawValue>()? {
                        Some((Key(key), value)) => entries.push((key, value)),
                        None => return Ok(Entries(entries)),
                    }
                }
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Entries(entries))
            }
        }

        #[derive(Deserialize)]
        #[serde(transparent)]
        struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}
