/**
 * The publish peer connection of a device: this side offers, the server answers. It is made with the first stream, lives
 * as long as the device, and carries all streams that the device publishes.
 *
 * Invariants:
 * - One negotiation at a time; streams and transceivers change only inside one.
 * - An offer becomes the local description only when the server has answered it, so a refused offer leaves no trace.
 *
 * Events: `failed`, when the path to the server died and did not come back in {@link RECOVER_FOR_MS}.
 *
 * @typedef {import('./signaling.js').Signaling} Signaling
 * @typedef {{alias?: string, transceivers: RTCRtpTransceiver[]}} PublishedStream
 * @typedef {{sdpAnswer: string, streamMetadata: Record<string, {mediaTypes: string[]}>}} OfferResult
 */
import { createPeerConnection, DATA_CHANNELS, serialQueue } from './peer.js';

const RESTART_EVERY_MS = 5_000;
const RECOVER_FOR_MS = 2 * 60_000;

export class Publisher extends EventTarget {
  #signaling;
  #configuration;
  /** @type {RTCPeerConnection | null} */
  #connection = null;
  /** By the id of their MediaStream. @type {Map<string, PublishedStream>} */
  #streams = new Map();
  #serially = serialQueue();
  #recovering = false;

  /**
   * @param {Signaling} signaling
   * @param {RTCConfiguration} configuration
   */
  constructor(signaling, configuration) {
    super();
    this.#signaling = signaling;
    this.#configuration = configuration;
  }

  /**
   * Publishes all tracks that the stream has now.
   * @param {MediaStream} mediaStream
   * @param {string} [alias]
   * @returns {Promise<string[]>} the media types that the server accepts: it may permit fewer than were offered
   */
  publish(mediaStream, alias) {
    return this.#serially(async () => {
      const { id } = mediaStream;
      if (this.#streams.has(id)) throw new Error(`stream ${id} is published already`);
      const connection = (this.#connection ??= this.#open());
      const transceivers = mediaStream
        .getTracks()
        .map((track) => connection.addTransceiver(track, { direction: 'sendonly', streams: [mediaStream] }));
      this.#streams.set(id, { alias, transceivers });
      try {
        const { streamMetadata } = await this.#negotiate(connection);
        return streamMetadata[id]?.mediaTypes ?? [];
      } catch (error) {
        this.#forget(id);
        throw error;
      }
    });
  }

  /**
   * Withdraws a stream. Its tracks go on: they belong to the application.
   * @param {string} id
   * @returns {Promise<void>}
   */
  unpublish(id) {
    return this.#serially(async () => {
      if (!this.#connection || !this.#streams.has(id)) return;
      this.#forget(id);
      await this.#negotiate(this.#connection);
    });
  }

  close() {
    this.#connection?.close();
    this.#connection = null;
    this.#streams.clear();
  }

  #open() {
    const connection = createPeerConnection(this.#configuration);
    connection.addEventListener('connectionstatechange', () => {
      if (connection.connectionState === 'failed') this.#recover(connection);
    });
    return connection;
  }

  /** @param {string} id */
  #forget(id) {
    for (const transceiver of this.#streams.get(id)?.transceivers ?? []) {
      if (this.#connection) transceiver.stop();
    }
    this.#streams.delete(id);
  }

  /**
   * @param {RTCPeerConnection} connection
   * @param {RTCOfferOptions} [options]
   * @returns {Promise<OfferResult>}
   */
  async #negotiate(connection, options) {
    const offer = await connection.createOffer(options);
    const result = await this.#signaling.call('offerSdp', {
      sdpOffer: offer.sdp,
      mediaMetadata: this.#mediaMetadata(),
    });
    await connection.setLocalDescription(offer);
    await connection.setRemoteDescription({ type: 'answer', sdp: result.sdpAnswer });
    return result;
  }

  /** All streams that are up after this offer: the server takes one that is missing as unpublished. */
  #mediaMetadata() {
    const streams = [...this.#streams].map(([id, { alias }]) => [id, alias === undefined ? {} : { alias }]);
    const channels = DATA_CHANNELS.map((channel) => [channel.label, channel]);
    return { mediaStreams: Object.fromEntries(streams), dataChannels: Object.fromEntries(channels) };
  }

  /**
   * Restarts ICE until the path is back or the time is up.
   * @param {RTCPeerConnection} connection
   */
  async #recover(connection) {
    if (this.#recovering) return;
    this.#recovering = true;
    const giveUpAt = performance.now() + RECOVER_FOR_MS;
    while (performance.now() < giveUpAt && connection === this.#connection) {
      if (connection.connectionState === 'failed') await this.#restartIce(connection);
      await new Promise((resolve) => setTimeout(resolve, RESTART_EVERY_MS));
      if (connection.connectionState === 'connected') break;
    }
    this.#recovering = false;
    const isUp = connection.connectionState === 'connected';
    if (connection === this.#connection && !isUp) this.dispatchEvent(new Event('failed'));
  }

  /** @param {RTCPeerConnection} connection */
  async #restartIce(connection) {
    try {
      await this.#serially(() => this.#negotiate(connection, { iceRestart: true }));
    } catch {
      // Signaling may be down too: the next attempt comes soon, and the time is bounded.
    }
  }
}
