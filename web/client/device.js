/**
 * The device client of Crosspoint: connects a page to the server, publishes its media, and receives what its
 * participant's subscriptions say. A `Device` is used for one connection; make another to connect again.
 *
 *     const device = new Device();
 *     device.addEventListener('stream', ({ detail }) => { video.srcObject = detail.mediaStream; });
 *     await device.connect({ token, url: 'wss://media.example.com' });
 *     await device.publish(await navigator.mediaDevices.getUserMedia({ audio: true }), { alias: 'microphone' });
 *
 * Events, each a `CustomEvent` where it has a detail:
 * - `stream`: another participant's stream arrived; detail `{id, participantId, alias, mediaTypes, mediaStream}`
 * - `streamended`: it is gone; detail `{id}`. Each stream that was announced ends, the last ones just before `closed`.
 * - `reconnecting`, `reconnected`: signaling was lost and is back; media goes on meanwhile
 * - `closed`: this device is at its end, by `disconnect()`, by the server, or by the network; detail `{code, reason}`,
 *   where code 1000 says that someone wanted it
 *
 * @typedef {{id: string, alias?: string, mediaTypes: string[], mediaStream: MediaStream}} LocalStream
 */
import { Publisher } from './publisher.js';
import { Signaling } from './signaling.js';
import { Subscriber } from './subscriber.js';

const SDK_VERSION = 'crosspoint-0.1.0';

export class Device extends EventTarget {
  /** @type {'new' | 'connecting' | 'connected' | 'closed'} */
  #state = 'new';
  #signaling = new Signaling();
  #publisher;
  #subscriber;

  /** @param {{iceServers?: RTCIceServer[]}} [options]  ICE servers are seldom needed: the server has a public address */
  constructor({ iceServers = [] } = {}) {
    super();
    this.#publisher = new Publisher(this.#signaling, { iceServers });
    this.#subscriber = new Subscriber(this.#signaling, { iceServers });
    this.#forward(this.#subscriber, ['stream', 'streamended']);
    this.#forward(this.#signaling, ['reconnecting', 'reconnected']);
    this.#signaling.addEventListener('closed', (event) => {
      this.#close(/** @type {CustomEvent<{code: number, reason: string}>} */ (event).detail);
    });
    this.#publisher.addEventListener('failed', () => {
      this.#close({ code: 1006, reason: 'the media path to the server was lost' });
    });
  }

  /**
   * @param {{token: string, url: string}} access  the device token that the application got for its participant, and
   *   the server as `ws://host` or `wss://host`
   * @returns {Promise<void>} rejects when the server cannot be reached or refuses the token
   */
  async connect({ token, url }) {
    if (this.#state !== 'new') throw new Error('a device connects only once');
    this.#state = 'connecting';
    const query = new URLSearchParams({ token, client: 'browser', sdkVersion: SDK_VERSION, uniqueId: uuid() });
    try {
      await this.#signaling.connect(`${url.replace(/\/+$/, '')}/v3/?${query}`);
      await this.#signaling.call('setMediaPreferences', { protocol: 'WEBRTC' });
    } catch (error) {
      this.#close({ code: 1006, reason: error instanceof Error ? error.message : String(error) });
      throw error;
    }
    if (this.#isState('connecting')) this.#state = 'connected';
  }

  /**
   * Publishes a stream with the tracks that it has now. To mute, set `enabled` of a track to false.
   * @param {MediaStream} mediaStream
   * @param {{alias?: string}} [metadata]  the alias by which subscriptions can name the stream
   * @returns {Promise<LocalStream>} its media types are those that the participant may publish; an unpermitted one is
   *   left out, and nothing of it is sent
   */
  async publish(mediaStream, { alias } = {}) {
    this.#requireConnected();
    const mediaTypes = await this.#publisher.publish(mediaStream, alias);
    return { id: mediaStream.id, alias, mediaTypes, mediaStream };
  }

  /**
   * Withdraws a published stream. Its tracks go on until the application stops them.
   * @param {string} id  of the stream, as `publish` returned it
   * @returns {Promise<void>}
   */
  async unpublish(id) {
    this.#requireConnected();
    await this.#publisher.unpublish(id);
  }

  /** Says goodbye to the server and ends all media. */
  disconnect() {
    this.#signaling.notify('leave');
    this.#close({ code: 1000, reason: 'this device disconnected' });
  }

  /** @param {{code: number, reason: string}} closing */
  #close(closing) {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#signaling.close();
    this.#publisher.close();
    this.#subscriber.close();
    this.dispatchEvent(new CustomEvent('closed', { detail: closing }));
  }

  #requireConnected() {
    if (this.#state !== 'connected') throw new Error(`the device is not connected (${this.#state})`);
  }

  /** Reads the state anew: it may have changed while something was awaited. @param {string} state */
  #isState(state) {
    return this.#state === state;
  }

  /**
   * @param {EventTarget} source
   * @param {string[]} types
   */
  #forward(source, types) {
    for (const type of types) {
      source.addEventListener(type, (event) => {
        const detail = event instanceof CustomEvent ? event.detail : null;
        this.dispatchEvent(new CustomEvent(type, { detail }));
      });
    }
  }
}

/** A version 4 UUID. `crypto.randomUUID` exists in secure contexts alone, and a listener needs none. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
