/** Free ports on loopback. Nothing holds them until the server binds them, so a clash is possible, but rare. */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { once } from 'node:events';

const ATTEMPTS_MAX = 10;

export async function freePort() {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address();
  listener.close();
  await once(listener, 'close');
  return port;
}

/** A port that is free for TCP and UDP alike. */
export async function freeMediaPort() {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const port = await freePort();
    if (await isFreeForUdp(port)) return port;
  }
  throw new Error(`no port is free for both TCP and UDP after ${ATTEMPTS_MAX} attempts`);
}

function isFreeForUdp(port) {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
  });
}
