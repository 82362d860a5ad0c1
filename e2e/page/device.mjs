/** One device: the unmodified client of the npm package, and what its application learns. Becomes `window.device`. */
import webrtcBrowser from '@bandwidth/webrtc-browser';
import { now } from './clock.mjs';
import { heard, heardOn, seen, seenOn } from './senses.mjs';
import { makeSource } from './source.mjs';

export { mLineCounts, reachMediaAt, receivedCodecs, sentPackets, transportProtocols } from './connections.mjs';
export { sightings, startWatching, watchedSoFar } from './senses.mjs';
export { blockedAttempts, cut, cutAfterSending, restore, sentCount, sockets } from './sockets.mjs';

const client = new webrtcBrowser.default();

/** Streams that are available now, by id. @type {Map<string, object>} */
const available = new Map();
/** Stream id → how often it was announced. @type {Map<string, number>} */
const announced = new Map();

client.onStreamAvailable((stream) => {
  available.set(stream.endpointId, stream);
  announced.set(stream.endpointId, (announced.get(stream.endpointId) ?? 0) + 1);
});
client.onStreamUnavailable((streamId) => {
  available.delete(streamId);
});

export function connect(deviceToken, websocketUrl) {
  return client.connect({ deviceToken }, { websocketUrl });
}

/** @param {{tone?: number, colour?: string, alias?: string, videoCodec?: string}} source see `makeSource` */
export async function publish({ alias, videoCodec, ...source }) {
  const mediaStream = makeSource(source);
  const codecPreferences = videoCodec && { video: codecsNamed(videoCodec) };
  const calledAt = now();
  const { endpointId, mediaTypes } = await client.publish(mediaStream, undefined, alias, codecPreferences);
  return { id: endpointId, mediaTypes, calledAt };
}

export function unpublish(streamId) {
  return client.unpublish(streamId);
}

export function setMicEnabled(enabled) {
  client.setMicEnabled(enabled);
}

export function setCameraEnabled(enabled) {
  client.setCameraEnabled(enabled);
}

export function sendDtmf(tones) {
  client.sendDtmf(tones);
}

export function disconnect() {
  client.disconnect();
}

/** What this device receives now: of each announced stream, and over everything, announced or not. */
export function observe() {
  const streams = [...available].map(([id, { participantId, alias, mediaTypes, mediaStream }]) => ({
    id,
    participantId,
    alias,
    mediaTypes,
    announced: announced.get(id),
    tones: heardOn(mediaStream.getAudioTracks()),
    colour: seenOn(mediaStream.getVideoTracks()),
  }));
  return { streams, tones: heard(), colours: seen() };
}

export function canSendVideo(mimeType) {
  return RTCRtpSender.getCapabilities('video').codecs.some((codec) => codec.mimeType === mimeType);
}

/** The codec first, with what it needs beside it; with packetization-mode 1 where there is a choice. */
function codecsNamed(mimeType) {
  return RTCRtpSender.getCapabilities('video').codecs.filter(
    (codec) =>
      codec.mimeType === 'video/rtx' ||
      (codec.mimeType === mimeType && !/packetization-mode=0/.test(codec.sdpFmtpLine ?? '')),
  );
}
