/**
 * Calls to the server's dev helper endpoints, which stand in for an application's backend: they hold the credentials and
 * map room names to sessions. Only a server started with `--dev` has them.
 *
 * @typedef {import('./subscriptions.js').Subscriptions} Subscriptions
 * @typedef {{accountId: string, sessionId: string, participantId: string, token: string}} Membership
 * @typedef {{id: string, alias?: string, mediaTypes: string[]}} PublishedStream
 * @typedef {{id: string, name: string, streams: PublishedStream[]}} Participant
 * @typedef {{
 *   accountId: string, sessionId: string, participants: Participant[], subscriptions: Record<string, Subscriptions>,
 * }} Room
 */
const TIMEOUT_MS = 5_000;

/** A call that was answered with an error status. */
export class RoomError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * @param {string} room
 * @param {string} name
 * @returns {Promise<Membership>}
 */
export function join(room, name) {
  return call('POST', '/demo/api/join', { room, name });
}

/**
 * @param {string} room
 * @returns {Promise<Room>}
 */
export function read(room) {
  return call('GET', roomPath(room));
}

/**
 * @param {string} room
 * @param {Record<string, Subscriptions>} rows  by subscriber; the others keep theirs
 * @returns {Promise<void>}
 */
export function subscribe(room, rows) {
  return call('PUT', `${roomPath(room)}/subscriptions`, rows);
}

/**
 * Outlives the page, so that it can be sent while that is being closed.
 * @param {string} room
 * @param {string} participantId
 * @returns {Promise<void>}
 */
export function leave(room, participantId) {
  return call('DELETE', `${roomPath(room)}/participants/${encodeURIComponent(participantId)}`, undefined, true);
}

/** @param {string} room */
function roomPath(room) {
  return `/demo/api/rooms/${encodeURIComponent(room)}`;
}

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 * @param {boolean} [keepalive]
 * @returns {Promise<any>}
 */
async function call(method, path, body, keepalive = false) {
  const response = await fetch(path, {
    method,
    headers: body && { 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
    keepalive,
    cache: 'no-store',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status === 204) return undefined;
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new RoomError(response.status, answer.error ?? `the server answered ${response.status}`);
  return answer;
}
