/**
 * Records every RTCPeerConnection of the page, for statistics and for watching all tracks whoever announces them; and can
 * lead media through a relay, by another address in the server's candidates.
 */

/** @type {RTCPeerConnection[]} */
const connections = [];
/** @type {((track: MediaStreamTrack) => void)[]} */
const trackHandlers = [];
/** @type {string | null} */
let mediaHost = null;

window.RTCPeerConnection = new Proxy(window.RTCPeerConnection, {
  construct(NativePeerConnection, parameters) {
    const connection = new NativePeerConnection(...parameters);
    connections.push(connection);
    const setRemoteDescription = connection.setRemoteDescription.bind(connection);
    connection.setRemoteDescription = ({ type, sdp }) => setRemoteDescription({ type, sdp: relayed(sdp) });
    connection.addEventListener('track', ({ track }) => {
      for (const handle of trackHandlers) handle(track);
    });
    return connection;
  },
});

/** From now on the server's candidates have this address. */
export function reachMediaAt(host) {
  mediaHost = host;
}

function relayed(sdp) {
  return mediaHost === null ? sdp : sdp.replace(/^(a=candidate:(?:\S+ ){4})\S+/gm, `$1${mediaHost}`);
}

/** Calls `handle` for every remote track that any connection of this page receives from now on. */
export function onRemoteTrack(handle) {
  trackHandlers.push(handle);
}

/** The device's publishing connection makes offers, its subscribing one answers them. */
function connectionThatSends(type) {
  return connections.findLast((connection) => connection.localDescription?.type === type);
}

/** m-lines in the current description of each direction, m=application included; 0 before the first negotiation. */
export function mLineCounts() {
  const count = (type) => connectionThatSends(type)?.localDescription.sdp.match(/^m=/gm).length ?? 0;
  return { publish: count('offer'), subscribe: count('answer') };
}

/** Media packets sent by the publishing connection, by kind. */
export async function sentPackets() {
  const sent = { audio: 0, video: 0 };
  const report = await connectionThatSends('offer')?.getStats();
  for (const stats of report?.values() ?? []) {
    if (stats.type === 'outbound-rtp') sent[stats.kind] += stats.packetsSent;
  }
  return sent;
}

/** Mime types that this page decodes now, such as `video/H264`. */
export async function receivedCodecs() {
  const report = await connectionThatSends('answer')?.getStats();
  const stats = [...(report?.values() ?? [])];
  return stats
    .filter((entry) => entry.type === 'inbound-rtp' && entry.framesDecoded !== 0)
    .map((entry) => stats.find((codec) => codec.id === entry.codecId)?.mimeType)
    .filter((mimeType) => mimeType !== undefined);
}

/** The protocol of the path that each negotiated connection of this page has chosen: `udp` or `tcp`. */
export async function transportProtocols() {
  const connected = connections.filter((connection) => connection.connectionState === 'connected');
  const reports = await Promise.all(connected.map((connection) => connection.getStats()));
  return reports.map((report) => {
    const transport = [...report.values()].find((stats) => stats.type === 'transport');
    return report.get(report.get(transport.selectedCandidatePairId).localCandidateId).protocol;
  });
}
