/**
 * Reads the state of a room every second while the page is visible, and orders reads and writes: what was read before
 * or during a write is never shown after it, so that a tick does not flicker.
 *
 * Events: `room` (detail: the Room), `failed` (detail: a sentence), `recovered`.
 */
import { read } from './rooms.js';

const EVERY_MS = 1_000;

export class RoomPoll extends EventTarget {
  /** @type {string | null} */
  #room = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer = undefined;
  /** Grows with each start and write: a read that began under an older one is stale. */
  #generation = 0;
  #writes = 0;
  /** @type {Promise<unknown>} */
  #lastWrite = Promise.resolve();
  #failing = false;

  constructor() {
    super();
    document.addEventListener('visibilitychange', () => this.now());
  }

  /** @param {string} room */
  start(room) {
    this.#room = room;
    this.#failing = false;
    this.now();
  }

  stop() {
    this.#room = null;
    this.#generation++;
    clearTimeout(this.#timer);
  }

  /** Reads at once, and then every second again. */
  now() {
    clearTimeout(this.#timer);
    this.#generation++;
    if (this.#room !== null && document.visibilityState === 'visible') this.#read(this.#room, this.#generation);
  }

  /**
   * Runs a write after those before it, and reads when the last of them is done.
   * @param {() => Promise<void>} send
   * @returns {Promise<void>}
   */
  async write(send) {
    this.#writes++;
    this.#generation++;
    const done = this.#lastWrite.then(send);
    this.#lastWrite = done.catch(() => {});
    try {
      await done;
    } finally {
      this.#writes--;
      this.now();
    }
  }

  /**
   * @param {string} room
   * @param {number} generation
   */
  async #read(room, generation) {
    let answer;
    let problem = '';
    try {
      answer = await read(room);
    } catch (error) {
      problem = `The room cannot be read (${error instanceof Error ? error.message : error}): trying again.`;
    }
    if (generation !== this.#generation) return;
    this.#timer = setTimeout(() => this.now(), EVERY_MS);
    if (problem) {
      this.#failing = true;
      this.dispatchEvent(new CustomEvent('failed', { detail: problem }));
      return;
    }
    if (this.#failing) this.dispatchEvent(new Event('recovered'));
    this.#failing = false;
    if (this.#writes === 0) this.dispatchEvent(new CustomEvent('room', { detail: answer }));
  }
}
