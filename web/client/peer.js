/**
 * What the two peer connections of a device have in common: how they are made, their two data channels, and a queue
 * that keeps negotiations apart. Nothing here knows signaling or streams.
 */

/** The data channels that both sides open without asking, with the stream ids that the protocol gives them. */
export const DATA_CHANNELS = Object.freeze([
  Object.freeze({ label: '__heartbeat__', streamId: 0 }),
  Object.freeze({ label: '__diagnostics__', streamId: 1 }),
]);

/**
 * Makes a peer connection with its data channels, and answers the server's heartbeats on it.
 * @param {RTCConfiguration} configuration
 * @returns {RTCPeerConnection}
 */
export function createPeerConnection(configuration) {
  const connection = new RTCPeerConnection({
    ...configuration,
    bundlePolicy: 'max-bundle',
    rtcpMuxPolicy: 'require',
  });
  for (const { label, streamId } of DATA_CHANNELS) {
    const channel = connection.createDataChannel(label, { id: streamId, negotiated: true, protocol: 'udp' });
    if (label === '__heartbeat__') answerHeartbeats(channel);
  }
  return connection;
}

/** @param {RTCDataChannel} channel */
function answerHeartbeats(channel) {
  channel.addEventListener('message', ({ data }) => {
    if (data === 'PING' && channel.readyState === 'open') channel.send('PONG');
  });
}

/**
 * Makes a queue that runs one task at a time, in the order given. A task that fails does not hold the next ones back.
 * @returns {<T>(task: () => Promise<T>) => Promise<T>}
 */
export function serialQueue() {
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();
  return (task) => {
    const run = last.then(task);
    last = run.catch(() => {});
    return run;
  };
}
