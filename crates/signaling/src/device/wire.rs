//! From the media plane's words to the wire and to the core.
//!
//! On the wire, an `endpointId` is the device's id for an answer or offer as a whole, and the stream's id for a stream:
//! the same one that its subscribers and the control API see.

use crosspoint_ids::{DeviceId, ParticipantId};
use crosspoint_model::{Alias, PublishedStream};

use super::{PublishAnswer, SubscribeOffer};
use crate::rpc::{OfferSdpResult, SdpOffer, StreamMetadata};

/// The streams of which something may be published.
pub(super) fn published_streams(answer: &PublishAnswer) -> Vec<PublishedStream> {
    let streams = answer.streams.iter().filter(|stream| !stream.media_types.is_empty());
    streams
        .map(|stream| PublishedStream {
            id: stream.id,
            alias: stream.alias.clone(),
            media_types: stream.media_types,
        })
        .collect()
}

/// What the device gets for its offer: all streams, by its own ids, those without any media type too.
pub(super) fn offer_result(
    device: DeviceId,
    participant: ParticipantId,
    answer: &PublishAnswer,
) -> OfferSdpResult<'_> {
    let streams = answer.streams.iter().map(|stream| {
        let metadata = StreamMetadata {
            endpoint_id: stream.id,
            media_types: stream.media_types,
            participant_id: participant,
            alias: stream.alias.as_ref().map(Alias::as_str),
        };
        (stream.msid.clone(), metadata)
    });
    OfferSdpResult {
        sdp_answer: answer.sdp.as_str(),
        endpoint_id: device,
        stream_metadata: streams.collect(),
    }
}

/// What the device is offered.
pub(super) fn sdp_offer(device: DeviceId, offer: &SubscribeOffer) -> SdpOffer<'_> {
    let streams = offer.streams.iter().map(|stream| {
        let metadata = StreamMetadata {
            endpoint_id: stream.id,
            media_types: stream.media_types,
            participant_id: stream.participant,
            alias: stream.alias.as_ref().map(Alias::as_str),
        };
        (stream.id.to_string(), metadata)
    });
    SdpOffer {
        sdp_offer: offer.sdp.as_str(),
        sdp_revision: offer.revision,
        endpoint_id: device,
        stream_metadata: streams.collect(),
    }
}
