/**
 * Two peer connections of one page, without any server: shows that the senses hear and see what is there, and nothing
 * when nothing is there. Becomes `window.loopback`.
 */
import { makeSource } from './source.mjs';

const sender = new RTCPeerConnection();
const receiver = new RTCPeerConnection();
sender.addEventListener('icecandidate', ({ candidate }) => receiver.addIceCandidate(candidate));
receiver.addEventListener('icecandidate', ({ candidate }) => sender.addIceCandidate(candidate));

/** Sends a source; the m-lines of sources that were stopped are used again. */
export async function send(source) {
  const stream = makeSource(source);
  for (const track of stream.getTracks()) sender.addTrack(track, stream);
  await negotiate();
}

/** Stops sending everything. */
export async function stop() {
  for (const rtpSender of sender.getSenders()) sender.removeTrack(rtpSender);
  await negotiate();
}

async function negotiate() {
  await sender.setLocalDescription();
  await receiver.setRemoteDescription(sender.localDescription);
  await receiver.setLocalDescription();
  await sender.setRemoteDescription(receiver.localDescription);
}
