/**
 * Devices without media, for measuring memory: real WebSockets of a browser page that say what the package would say. The
 * server makes both peer connections of each; no packets come.
 */
import { readFile } from 'node:fs/promises';
import { until } from './poll.mjs';

const OFFER = new URL('../../crates/media/testdata/publish-offer-1-audio-video.sdp', import.meta.url);
/** The MediaStream that the offer publishes. */
const MSID = '1e808d74-9c20-4773-b81c-78648834a1db';
const SESSION_SIZE = 10;

/** Connects this many devices in sessions of ten, everybody receiving everybody, and waits until all have answered. */
export async function connectSimulated(stage, count) {
  const sdpOffer = await readFile(OFFER, 'utf8');
  const page = await stage.browser.open(`${stage.server.url}/livez`);
  let session;
  for (let number = 0; number < count; number += 1) {
    if (number % SESSION_SIZE === 0) session = (await stage.api.createSession()).id;
    const { participant, token } = await stage.api.createParticipant({ publishPermissions: ['AUDIO', 'VIDEO'] });
    await stage.api.add(session, participant.id, { sessionId: session });
    const url = `${stage.server.websocketUrl}/v3/?token=${token}&client=browser&uniqueId=${crypto.randomUUID()}`;
    await page.evaluate(play, { url, sdpOffer, msid: MSID });
  }
  const streamsWanted = count * (SESSION_SIZE - 1);
  await until('every stream to be offered and answered', async () => {
    return (await page.evaluate(() => window.streamsAnswered())) === streamsWanted;
  });
}

/** Runs in the page. */
function play({ url, sdpOffer, msid }) {
  window.answered ??= new Map();
  window.streamsAnswered = () => [...window.answered.values()].reduce((sum, streams) => sum + streams, 0);
  const socket = new WebSocket(url);
  const call = (id, method, params) => socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
  let calls = 2;
  return new Promise((resolve, reject) => {
    socket.onerror = () => reject(new Error('a simulated device could not connect'));
    socket.onopen = () => {
      call(1, 'setMediaPreferences', { protocol: 'WEBRTC' });
      call(2, 'offerSdp', { sdpOffer, mediaMetadata: { mediaStreams: { [msid]: {} }, dataChannels: {} } });
    };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.id === 2) resolve();
      if (message.method !== 'sdpOffer') return;
      const sdpAnswer = message.params.sdpOffer
        .replace(/a=ice-lite\r\n|a=candidate.*\r\n|a=(msid|ssrc).*\r\n/g, '')
        .replaceAll('a=setup:actpass', 'a=setup:passive')
        .replaceAll('a=sendonly', 'a=recvonly');
      call((calls += 1), 'answerSdp', { sdpAnswer });
      window.answered.set(url, Object.keys(message.params.streamMetadata).length);
    };
  });
}
