/**
 * The subscribe peer connection of a device: the server offers, this side answers. The offers say which streams this
 * device receives; this module turns them into streams that come and go.
 *
 * Invariants:
 * - One offer at a time, in order of growing revision.
 * - A stream is announced once, when a track of each of its media types is there, and ends once.
 * - A newer offer says that the server gave the older one up: that one is neither taken nor answered any more.
 * - An offer that the browser cannot take leaves what is there untouched.
 *
 * Events: `stream` (detail: {@link RemoteStream}), `streamended` (detail: `{id}`).
 *
 * @typedef {import('./signaling.js').Signaling} Signaling
 * @typedef {{participantId: string, alias?: string, mediaTypes: string[]}} StreamMetadata
 * @typedef {StreamMetadata & {id: string, mediaStream: MediaStream}} RemoteStream
 * @typedef {{sdpOffer: string, sdpRevision: number, streamMetadata: Record<string, StreamMetadata>}} SubscribeOffer
 */
import { createPeerConnection, serialQueue } from './peer.js';

export class Subscriber extends EventTarget {
  #signaling;
  #configuration;
  /** @type {RTCPeerConnection | null} */
  #connection = null;
  /** The revision of the newest offer that arrived. */
  #newest = 0;
  /**
   * The streams that have tracks. By object: one that ends and comes back in the same offer is another object.
   * @type {Map<MediaStream, 'incomplete' | 'announced'>}
   */
  #streams = new Map();
  #serially = serialQueue();
  #isClosed = false;

  /**
   * @param {Signaling} signaling
   * @param {RTCConfiguration} configuration
   */
  constructor(signaling, configuration) {
    super();
    this.#signaling = signaling;
    this.#configuration = configuration;
    signaling.addEventListener('sdpOffer', (event) => {
      const offer = /** @type {CustomEvent<SubscribeOffer>} */ (event).detail;
      if (!(offer?.sdpRevision > this.#newest)) return;
      this.#newest = offer.sdpRevision;
      this.#serially(() => this.#take(offer)).catch((error) => {
        // Unanswered, the server offers anew with a higher revision.
        if (!this.#isClosed) console.warn(`subscribe offer ${offer.sdpRevision} was not taken:`, error);
      });
    });
  }

  close() {
    this.#isClosed = true;
    this.#replaceConnection(null);
  }

  /** @param {SubscribeOffer} offer */
  async #take({ sdpOffer, sdpRevision, streamMetadata }) {
    if (this.#isClosed || sdpRevision < this.#newest) return;
    const connection = await this.#applyOffer(sdpOffer);
    const answer = await connection.createAnswer();
    const sdp = asPassive(answer.sdp ?? '');
    await connection.setLocalDescription({ type: 'answer', sdp });
    this.#announce(streamMetadata);
    if (sdpRevision === this.#newest) this.#answer(sdp);
  }

  /**
   * An answer says not which offer it belongs to: a late one could be taken for the answer to the next offer, so that
   * none is kept for the next socket, nor is its result waited for.
   * @param {string} sdpAnswer
   */
  #answer(sdpAnswer) {
    if (!this.#signaling.isOpen) return;
    this.#signaling.call('answerSdp', { sdpAnswer }).catch((error) => {
      if (!this.#isClosed) console.warn('subscribe answer was not taken:', error);
    });
  }

  /**
   * Applies an offer, to the present connection when that can take it. A server that lost its state (a restart) offers
   * other m-lines than before, which no peer connection accepts: then a new one begins.
   * @param {string} sdp
   * @returns {Promise<RTCPeerConnection>}
   */
  async #applyOffer(sdp) {
    if (this.#connection) {
      try {
        await this.#connection.setRemoteDescription({ type: 'offer', sdp });
        return this.#connection;
      } catch (error) {
        console.info('subscribe offer does not continue the last one, trying a new connection:', error);
      }
    }
    /** @type {Set<MediaStream>} */
    const arrived = new Set();
    const fresh = this.#open(arrived);
    try {
      await fresh.setRemoteDescription({ type: 'offer', sdp });
    } catch (error) {
      fresh.close();
      throw error;
    }
    this.#replaceConnection(fresh);
    for (const mediaStream of arrived) this.#streams.set(mediaStream, 'incomplete');
    return fresh;
  }

  /** @param {Set<MediaStream>} arrived  collects the streams of a connection that is not ours yet */
  #open(arrived) {
    const connection = createPeerConnection(this.#configuration);
    connection.addEventListener('track', ({ streams }) => {
      for (const mediaStream of streams) {
        if (connection !== this.#connection) arrived.add(mediaStream);
        else if (!this.#streams.has(mediaStream)) this.#streams.set(mediaStream, 'incomplete');
      }
    });
    return connection;
  }

  /** @param {RTCPeerConnection | null} connection */
  #replaceConnection(connection) {
    this.#connection?.close();
    this.#connection = connection;
    for (const mediaStream of this.#streams.keys()) this.#endStream(mediaStream);
  }

  /**
   * Compares the streams with their tracks, once the browser has applied an offer: ends first, so that an id which
   * comes back is never announced twice in a row.
   * @param {Record<string, StreamMetadata>} streamMetadata
   */
  #announce(streamMetadata) {
    for (const mediaStream of this.#streams.keys()) {
      if (liveTracks(mediaStream).length === 0) this.#endStream(mediaStream);
    }
    for (const [mediaStream, state] of this.#streams) {
      const metadata = streamMetadata[mediaStream.id];
      if (state === 'announced' || !metadata || !isComplete(mediaStream, metadata)) continue;
      this.#streams.set(mediaStream, 'announced');
      const { participantId, alias, mediaTypes } = metadata;
      const detail = { id: mediaStream.id, participantId, alias, mediaTypes, mediaStream };
      this.dispatchEvent(new CustomEvent('stream', { detail }));
    }
  }

  /** @param {MediaStream} mediaStream */
  #endStream(mediaStream) {
    const wasAnnounced = this.#streams.get(mediaStream) === 'announced';
    this.#streams.delete(mediaStream);
    if (wasAnnounced) this.dispatchEvent(new CustomEvent('streamended', { detail: { id: mediaStream.id } }));
  }
}

/** @param {MediaStream} mediaStream */
function liveTracks(mediaStream) {
  return mediaStream.getTracks().filter((track) => track.readyState === 'live');
}

/**
 * @param {MediaStream} mediaStream
 * @param {StreamMetadata} metadata
 */
function isComplete(mediaStream, { mediaTypes }) {
  const kinds = liveTracks(mediaStream).map((track) => track.kind.toUpperCase());
  return mediaTypes.every((mediaType) => kinds.includes(mediaType));
}

/**
 * The server is the DTLS client here, whatever its offer says; to `actpass` a browser would answer `active`.
 * @param {string} sdp
 */
function asPassive(sdp) {
  return sdp.replace(/^a=setup:\w+/gm, 'a=setup:passive');
}
