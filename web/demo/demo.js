/**
 * The demo page: joins a room, shows who is there, and lets the user decide who hears whom. This module wires the form,
 * the buttons and the room's state to the device client; each part has a module of its own.
 */
import { Device } from '/client/device.js';
import * as capture from './capture.js';
import { Matrix } from './matrix.js';
import { RoomPoll } from './poll.js';
import * as rooms from './rooms.js';
import { curlCommand } from './subscriptions.js';
import { Tiles } from './tiles.js';

/**
 * @typedef {{
 *   room: string, membership: rooms.Membership, device: Device, camera: MediaStream | null, screen: MediaStream | null,
 * }} Call
 */

/** @param {string} id @returns {any} the element: typed loosely, as each id stands in index.html with its kind */
const byId = (id) => document.getElementById(id);

const matrix = new Matrix(byId('matrix'));
const tiles = new Tiles(byId('tiles'), () => {
  say('Your browser plays sound only after a click: click anywhere.');
  document.addEventListener('click', () => tiles.play(), { once: true });
});
const poll = new RoomPoll();
/** @type {Call | null} */
let call = null;

/** @param {string} text */
function say(text) {
  byId('status').textContent = text;
}

/** @param {string} text */
function complain(text) {
  byId('error').textContent = text;
}

/** @param {SubmitEvent} event */
async function handleJoin(event) {
  event.preventDefault();
  const room = byId('room').value.trim();
  const name = byId('name').value.trim();
  if (!room || !name) return complain('A room and a name are needed.');
  byId('join').disabled = true;
  complain('');
  try {
    await join(room, name);
  } finally {
    byId('join').disabled = false;
  }
}

/**
 * @param {string} room
 * @param {string} name
 */
async function join(room, name) {
  say('Asking for camera and microphone …');
  const { mediaStream: camera, problem } = await capture.captureCamera();
  complain(problem);
  say('Joining …');
  const device = new Device();
  let joined;
  try {
    const membership = await rooms.join(room, name);
    joined = call = { room, membership, device, camera, screen: null };
    enterCall(joined, name);
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    await device.connect({ token: membership.token, url: `${scheme}://${location.host}` });
    listenForEnd(device);
  } catch (error) {
    capture.stop(camera);
    if (!joined || joined === call) leaveCall(joinProblem(error));
    return;
  }
  say('');
  if (camera) await publish(joined, camera, 'camera');
}

/** @param {unknown} error */
function joinProblem(error) {
  if (error instanceof rooms.RoomError && error.status === 404) {
    return 'This demo needs a server that was started with: crosspoint serve --dev';
  }
  return `You could not join: ${capture.messageOf(error)}`;
}

/**
 * Publishes and shows a stream of this participant.
 * @param {Call} joined
 * @param {MediaStream} mediaStream
 * @param {string} alias
 */
async function publish({ device }, mediaStream, alias) {
  tiles.addOwnStream(mediaStream, alias);
  try {
    await device.publish(mediaStream, { alias });
    return true;
  } catch (error) {
    tiles.removeOwnStream(mediaStream.id);
    if (call?.device === device) complain(`Your ${alias} could not be published: ${capture.messageOf(error)}`);
    return false;
  }
}

/**
 * @param {Call} joined
 * @param {string} name
 */
function enterCall({ room, membership, device, camera }, name) {
  byId('entry').hidden = true;
  byId('call').hidden = false;
  byId('call').focus(); // the form that had it is gone
  byId('call').dataset.self = membership.participantId;
  byId('where').hidden = false;
  byId('where-room').textContent = room;
  history.replaceState(null, '', `?room=${encodeURIComponent(room)}`);
  tiles.addSelf(name);
  prepareButton('mute', Boolean(camera?.getAudioTracks().length));
  prepareButton('camera', Boolean(camera?.getVideoTracks().length));
  prepareButton('screen', capture.canCaptureScreen());
  listen(device);
  poll.start(room);
}

/** @param {Device} device */
function listen(device) {
  const on = (/** @type {string} */ type, /** @type {(detail: any) => void} */ handle) =>
    device.addEventListener(type, (event) => handle(/** @type {CustomEvent} */ (event).detail));
  on('stream', (stream) => {
    tiles.addStream(stream);
    poll.now();
  });
  on('streamended', ({ id }) => {
    tiles.removeStream(id);
    poll.now();
  });
  on('reconnecting', () => say('The connection to the server was lost: reconnecting. Sound and picture may go on.'));
  on('reconnected', () => say('Connected again.'));
}

/** Only once it is connected: before, `connect` itself says what went wrong. @param {Device} device */
function listenForEnd(device) {
  device.addEventListener('closed', (event) => {
    const { reason } = /** @type {CustomEvent} */ (event).detail;
    if (call?.device === device) leaveCall(`The call has ended: ${reason}.`);
  });
}

/**
 * Ends the call on every side; also while the page is being closed, so nothing here waits.
 * @param {string} [problem]
 */
function leaveCall(problem = '') {
  if (call) {
    const { room, membership, device, camera, screen } = call;
    call = null;
    device.disconnect();
    rooms.leave(room, membership.participantId).catch(() => {}); // the server notices a lost device by itself
    capture.stop(camera);
    capture.stop(screen);
  }
  poll.stop();
  tiles.clear();
  matrix.clear();
  byId('sent').hidden = true;
  byId('call').hidden = byId('where').hidden = true;
  byId('entry').hidden = false;
  byId('join').focus();
  say('');
  complain(problem);
}

/**
 * @param {string} id
 * @param {boolean} usable
 */
function prepareButton(id, usable) {
  byId(id).disabled = !usable;
  byId(id).ariaPressed = 'false';
}

/** @param {string} id @returns {boolean} whether it is pressed now */
function press(id) {
  const pressed = byId(id).ariaPressed !== 'true';
  byId(id).ariaPressed = String(pressed);
  return pressed;
}

function handleMute() {
  const muted = press('mute');
  for (const track of call?.camera?.getAudioTracks() ?? []) track.enabled = !muted;
  tiles.setSelfNote(muted ? 'muted' : '');
}

function handleCamera() {
  const hidden = press('camera');
  for (const track of call?.camera?.getVideoTracks() ?? []) track.enabled = !hidden;
}

async function handleScreen() {
  const joined = call;
  if (!joined) return;
  byId('screen').disabled = true;
  if (joined.screen) await stopScreen(joined);
  else await startScreen(joined);
  byId('screen').disabled = false;
}

/** @param {Call} joined */
async function startScreen(joined) {
  const { mediaStream, problem } = await capture.captureScreen();
  complain(problem);
  if (!mediaStream) return;
  if (call !== joined) return capture.stop(mediaStream);
  joined.screen = mediaStream;
  // The browser has a button of its own to stop sharing.
  mediaStream.getVideoTracks()[0]?.addEventListener('ended', () => stopScreen(joined));
  byId('screen').ariaPressed = 'true';
  if (!(await publish(joined, mediaStream, 'screen'))) stopScreen(joined);
}

/** @param {Call} joined */
async function stopScreen(joined) {
  const { screen, device } = joined;
  if (!screen || call !== joined) return;
  joined.screen = null;
  capture.stop(screen);
  tiles.removeOwnStream(screen.id);
  byId('screen').ariaPressed = 'false';
  try {
    await device.unpublish(screen.id);
  } catch (error) {
    if (call === joined) complain(`The screen could not be withdrawn: ${capture.messageOf(error)}`);
  }
}

/** @param {rooms.Room} room */
function handleRoom(room) {
  const self = call?.membership.participantId;
  tiles.update(room.participants.filter(({ id }) => id !== self));
  matrix.show(room);
}

/** @param {{subscriberId: string, subscriptions: import('./subscriptions.js').Subscriptions}} row */
async function handleTick({ subscriberId, subscriptions }) {
  if (!call) return;
  const { room, membership } = call;
  const rows = { [subscriberId]: subscriptions };
  const sent = poll.write(() => rooms.subscribe(room, rows));
  byId('sent').hidden = false;
  byId('sent-text').textContent = 'Sent. The same through the REST API:';
  byId('sent-curl').textContent = curlCommand(location.origin, membership, rows);
  try {
    await sent;
    complain('');
  } catch (error) {
    complain(`The subscriptions were not changed: ${capture.messageOf(error)}`);
    matrix.invalidate();
  }
}

byId('entry').addEventListener('submit', handleJoin);
byId('mute').addEventListener('click', handleMute);
byId('camera').addEventListener('click', handleCamera);
byId('screen').addEventListener('click', handleScreen);
byId('leave').addEventListener('click', () => leaveCall());
matrix.addEventListener('change', (event) => handleTick(/** @type {CustomEvent} */ (event).detail));
poll.addEventListener('room', (event) => handleRoom(/** @type {CustomEvent} */ (event).detail));
poll.addEventListener('failed', (event) => say(/** @type {CustomEvent} */ (event).detail));
poll.addEventListener('recovered', () => say(''));
globalThis.addEventListener('pagehide', () => leaveCall());
byId('room').value = new URLSearchParams(location.search).get('room') || byId('room').value;
