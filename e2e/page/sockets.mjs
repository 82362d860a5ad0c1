/**
 * Stands in front of `window.WebSocket`, so that a test can see the device's signaling, cut it, and keep it from coming
 * back, while its peer connections stay untouched. It never changes a frame.
 */

/** Any code but 1000: the client takes it as a lost connection. */
const CUT_CODE = 4000;
/** Nothing listens there: an attempt to reconnect while signaling is blocked fails as with a dead network. */
const DEAD_END = 'ws://127.0.0.1:1/';

/** @type {{socket: WebSocket, closeCode: number | null, methods: string[]}[]} */
const records = [];
let blocked = false;
let attemptsWhileBlocked = 0;
/** @type {string | null} */
let methodToCutAfter = null;

window.WebSocket = new Proxy(window.WebSocket, {
  construct(NativeWebSocket, [url, ...rest]) {
    if (blocked) {
      attemptsWhileBlocked += 1;
      return new NativeWebSocket(DEAD_END);
    }
    return recorded(new NativeWebSocket(url, ...rest));
  },
});

function recorded(socket) {
  const record = { socket, closeCode: null, methods: [] };
  records.push(record);
  socket.addEventListener('close', (event) => {
    record.closeCode = event.code;
  });
  const send = socket.send.bind(socket);
  socket.send = (frame) => {
    send(frame);
    const { method } = JSON.parse(frame);
    if (method) record.methods.push(method);
    if (method && method === methodToCutAfter) {
      methodToCutAfter = null;
      cut();
    }
  };
  return socket;
}

/** Closes the socket, and lets no new one reach the server until `restore()`. */
export function cut() {
  blocked = true;
  for (const { socket } of records) socket.close(CUT_CODE);
}

/** Cuts right behind the next call of this method, so that the call is sent and its answer cannot be received. */
export function cutAfterSending(method) {
  methodToCutAfter = method;
}

export function restore() {
  blocked = false;
}

/** Every socket that was opened towards the server, oldest first. */
export function sockets() {
  return records.map(({ socket, closeCode }) => ({ open: socket.readyState === WebSocket.OPEN, closeCode }));
}

export function blockedAttempts() {
  return attemptsWhileBlocked;
}

/** How often a call or notification of this method was sent, over all sockets. */
export function sentCount(method) {
  return records.flatMap((record) => record.methods).filter((sent) => sent === method).length;
}
