/**
 * JSON-RPC 2.0 over one WebSocket that comes back when it is lost. It knows nothing of media.
 *
 * Invariants:
 * - Call ids never repeat, also across reconnects: the server answers a call that was pending when the socket dropped on
 *   the next socket, under its old id. A call is therefore sent once and never again.
 * - Every call settles: by its answer, by its timeout, or when signaling ends.
 * - After close code 1000, or `close()`, no socket is opened again.
 *
 * Events: `sdpOffer` (detail: the params), `reconnecting`, `reconnected`, `closed` (detail: {@link Closing}; not after
 * `close()`).
 *
 * @typedef {{code: number, reason: string}} Closing  how it ended: the WebSocket close code, and a sentence
 * @typedef {{
 *   frame: string, sent: boolean, timer: ReturnType<typeof setTimeout>,
 *   resolve: (result: any) => void, reject: (error: Error) => void,
 * }} PendingCall
 */

/** The server keeps a lost device, and the answers it owes to it, for 30 s; after that no answer can come. */
const CALL_TIMEOUT_MS = 30_000;
const OPEN_TIMEOUT_MS = 10_000;
/** Finds a dead network within 40 s, and keeps proxies from closing an idle socket (many do after 60 s). */
const PING_EVERY_MS = 30_000;
const PING_TIMEOUT_MS = 10_000;
const RECONNECT_FIRST_MS = 500;
const RECONNECT_LONGEST_MS = 5_000;
/** A token that was revoked is refused like a server that is down, so it is not tried for ever. */
const RECONNECT_FOR_MS = 5 * 60_000;
/** Publishing is serialised, so that more than a few calls at once are a mistake. */
const PENDING_CALLS_MAX = 64;

const NORMAL_CLOSURE = 1000;
const METHOD_NOT_FOUND = -32601;

/** The server's refusal of a call. */
export class CallRefused extends Error {
  /**
   * @param {string} method
   * @param {{code: number, message: string}} error
   */
  constructor(method, { code, message }) {
    super(`${method} was refused: ${message}`);
    this.name = 'CallRefused';
    this.code = code;
  }
}

export class Signaling extends EventTarget {
  /** @type {'idle' | 'opening' | 'open' | 'waiting' | 'closed'} */
  #state = 'idle';
  #url = '';
  /** @type {WebSocket | null} */
  #socket = null;
  /**
   * Settles `connect()`; null once the first socket was open.
   * @type {{resolve: () => void, reject: (error: Error) => void} | null}
   */
  #firstOpen = null;
  /** When the open socket was lost, or null while it is not. @type {number | null} */
  #lostAt = null;
  #attempts = 0;
  /**
   * The next opening, its deadline, or the next ping: never two at once.
   * @type {ReturnType<typeof setTimeout> | undefined}
   */
  #timer = undefined;
  #nextId = 1;
  /** @type {Map<number, PendingCall>} */
  #pending = new Map();

  get isOpen() {
    return this.#state === 'open';
  }

  /**
   * Opens the first socket; rejects when that fails. Later losses are repaired without the caller.
   * @param {string} url  with its whole query: each reconnect uses the same
   * @returns {Promise<void>}
   */
  connect(url) {
    if (this.#state !== 'idle') throw new Error('signaling connects only once');
    this.#url = url;
    return new Promise((resolve, reject) => {
      this.#firstOpen = { resolve, reject };
      globalThis.addEventListener('online', this.#handleOnline);
      this.#open();
    });
  }

  /**
   * Calls a method. While the socket is down the call waits for the next one, within its timeout.
   * @param {string} method
   * @param {object} params
   * @param {number} [timeoutMs]
   * @returns {Promise<any>} the result; rejects with {@link CallRefused} when the server answers with an error
   */
  call(method, params, timeoutMs = CALL_TIMEOUT_MS) {
    if (this.#state === 'closed') return Promise.reject(new Error(`${method}: signaling is closed`));
    if (this.#pending.size >= PENDING_CALLS_MAX) return Promise.reject(new Error(`${method}: too many pending calls`));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new Error(`${method} was not answered within ${timeoutMs / 1000} s`));
      }, timeoutMs);
      this.#pending.set(id, {
        frame: JSON.stringify({ jsonrpc: '2.0', method, params, id }),
        sent: false,
        timer,
        resolve,
        reject: (error) => reject(error instanceof Error ? error : new CallRefused(method, error)),
      });
      this.#sendPending();
    });
  }

  /**
   * Sends a notification, if there is a socket: a late notification is worth nothing.
   * @param {string} method
   */
  notify(method) {
    if (this.isOpen) this.#socket?.send(JSON.stringify({ jsonrpc: '2.0', method }));
  }

  /** Ends signaling for good, as the application wishes. */
  close() {
    if (this.#state === 'closed') return;
    const socket = this.#detach();
    this.#end('signaling was closed');
    socket?.close(NORMAL_CLOSURE);
  }

  #open() {
    this.#state = 'opening';
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => this.#handleOpen();
    socket.onmessage = ({ data }) => this.#handleFrame(data);
    socket.onclose = ({ code, reason }) => this.#handleClose(code, reason);
    this.#schedule(OPEN_TIMEOUT_MS, () => this.#abandon('no answer'));
  }

  #handleOpen() {
    const wasLost = this.#lostAt !== null;
    this.#state = 'open';
    this.#lostAt = null;
    this.#attempts = 0;
    this.#firstOpen?.resolve();
    this.#firstOpen = null;
    this.#sendPending();
    this.#schedulePing();
    if (wasLost) this.dispatchEvent(new Event('reconnected'));
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #handleClose(code, reason) {
    const wasOpen = this.#state === 'open';
    this.#detach();
    if (this.#firstOpen) {
      this.#end('the server could not be reached, or refused the token');
      return;
    }
    if (code === NORMAL_CLOSURE) {
      this.#finish({ code, reason: reason || 'the server ended this device' });
      return;
    }
    if (wasOpen) this.#lostAt = performance.now();
    if (performance.now() - (this.#lostAt ?? 0) > RECONNECT_FOR_MS) {
      this.#finish({ code, reason: 'the server could not be reached again' });
      return;
    }
    this.#state = 'waiting';
    const delay = Math.min(RECONNECT_FIRST_MS * 2 ** this.#attempts++, RECONNECT_LONGEST_MS);
    // The jitter keeps the devices of a server that restarts from coming back all at once.
    this.#schedule(delay * (1 - 0.2 * Math.random()), () => this.#open());
    if (wasOpen) this.dispatchEvent(new Event('reconnecting'));
  }

  /** Tries at once when the network is back. */
  #handleOnline = () => {
    if (this.#state === 'waiting') this.#open();
  };

  /**
   * Gives a socket up without waiting for its close event, which can take minutes on a dead network.
   * @param {string} reason
   */
  #abandon(reason) {
    const socket = this.#socket;
    this.#handleClose(1006, reason);
    socket?.close(4000, reason);
  }

  /** @param {unknown} data */
  #handleFrame(data) {
    let message;
    try {
      message = JSON.parse(String(data));
    } catch {
      return; // a frame that cannot be read is no reason to lose the media
    }
    if (typeof message !== 'object' || message === null) return;
    if (message.method === undefined) {
      this.#settle(message);
    } else if (message.id !== undefined) {
      const error = { code: METHOD_NOT_FOUND, message: `a device has no method ${message.method}` };
      this.#socket?.send(JSON.stringify({ jsonrpc: '2.0', error, id: message.id }));
    } else if (message.method === 'sdpOffer') {
      this.dispatchEvent(new CustomEvent('sdpOffer', { detail: message.params }));
    }
  }

  /** @param {{id: number, result?: any, error?: any}} reply */
  #settle({ id, result, error }) {
    const call = this.#pending.get(id);
    if (!call) return; // it timed out
    this.#pending.delete(id);
    clearTimeout(call.timer);
    if (error) call.reject(error);
    else call.resolve(result);
  }

  #sendPending() {
    if (!this.isOpen) return;
    for (const call of this.#pending.values()) {
      if (call.sent) continue;
      this.#socket?.send(call.frame);
      call.sent = true;
    }
  }

  #schedulePing() {
    this.#schedule(PING_EVERY_MS, async () => {
      const socket = this.#socket;
      const answered = await this.call('ping', {}, PING_TIMEOUT_MS).then(
        () => true,
        (error) => error instanceof CallRefused,
      );
      if (socket === null || socket !== this.#socket) return;
      if (answered) this.#schedulePing();
      else this.#abandon('ping was not answered');
    });
  }

  /**
   * @param {number} delayMs
   * @param {() => void} action
   */
  #schedule(delayMs, action) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, delayMs);
  }

  /** Lets go of the socket, so that none of its events is heard any more. */
  #detach() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
    this.#socket = null;
    return socket;
  }

  /** @param {Closing} closing */
  #finish(closing) {
    this.#end(closing.reason);
    this.dispatchEvent(new CustomEvent('closed', { detail: closing }));
  }

  /** @param {string} reason */
  #end(reason) {
    this.#state = 'closed';
    globalThis.removeEventListener('online', this.#handleOnline);
    const error = new Error(reason);
    this.#firstOpen?.reject(error);
    this.#firstOpen = null;
    for (const call of this.#pending.values()) {
      clearTimeout(call.timer);
      call.reject(error);
    }
    this.#pending.clear();
  }
}
