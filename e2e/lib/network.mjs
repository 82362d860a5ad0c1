/**
 * The network between one page and the server, which a test can cut and restore without privileges: a relay for
 * signaling on a port of its own, and one for media, UDP and TCP, on a loopback address of its own under the server's
 * media port. Like a NAT, it has a source port of its own towards the server for each of the page's.
 *
 * A cut drops datagrams; TCP connections stand still, or are reset, as when the network interface goes away.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const SERVER_HOST = '127.0.0.1';
/** A page has two connections, each with a few candidates. */
const UDP_FLOWS_MAX = 64;
const TCP_LINKS_MAX = 64;
const HOSTS_MAX = 254;

/** 127.0.0.1 is the server. */
let lastHost = 1;

export class Network {
  #udp;
  #tcp = [];

  constructor(mediaHost, udp, tcp) {
    this.mediaHost = mediaHost;
    this.#udp = udp;
    this.#tcp = tcp;
  }

  /**
   * @param {import('./server.mjs').Server} server
   * @param {{udp?: boolean}} [options]  without `udp`, no datagram ever passes
   */
  static async open(server, { udp = true } = {}) {
    lastHost = lastHost === HOSTS_MAX ? 2 : lastHost + 1;
    const mediaHost = `127.0.0.${lastHost}`;
    const opened = [];
    try {
      const keep = (relay) => (opened.push(relay), relay);
      const signaling = keep(await TcpRelay.open(mediaHost, 0, server.port));
      const media = keep(await TcpRelay.open(mediaHost, server.mediaPort, server.mediaPort));
      const datagrams = keep(await UdpRelay.open(mediaHost, server.mediaPort, { blocked: !udp }));
      const network = new Network(mediaHost, datagrams, [signaling, media]);
      network.websocketUrl = `ws://${mediaHost}:${signaling.port}`;
      return network;
    } catch (error) {
      await Promise.all(opened.map((relay) => relay.close()));
      throw error;
    }
  }

  /** Nothing passes from now on. @param {{tcp?: 'frozen' | 'reset'}} [options] */
  cut({ tcp = 'frozen' } = {}) {
    this.#udp.cut();
    for (const relay of this.#tcp) relay.cut(tcp);
  }

  /** @param {{newPorts?: boolean}} [options]  `newPorts`: the server sees the page under other ports, as behind a NAT that forgot it */
  restore({ newPorts = false } = {}) {
    this.#udp.restore(newPorts);
    for (const relay of this.#tcp) relay.restore();
  }

  async close() {
    await Promise.all([this.#udp, ...this.#tcp].map((relay) => relay.close()));
  }
}

class UdpRelay {
  #socket;
  #serverPort;
  #blocked;
  #isCut = false;
  /** By the page's address. @type {Map<string, import('node:dgram').Socket>} */
  #flows = new Map();

  constructor(socket, serverPort, blocked) {
    this.#socket = socket;
    this.#serverPort = serverPort;
    this.#blocked = blocked;
    socket.on('message', (datagram, { address, port }) => this.#fromPage(datagram, address, port));
    ignoreErrors(socket);
  }

  static async open(host, port, { blocked }) {
    const socket = createSocket('udp4').bind(port, host);
    await once(socket, 'listening');
    return new UdpRelay(socket, port, blocked);
  }

  cut() {
    this.#isCut = true;
  }

  restore(newPorts) {
    if (newPorts) this.#closeFlows();
    this.#isCut = false;
  }

  async close() {
    this.#closeFlows();
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  #fromPage(datagram, address, port) {
    if (!this.#passes()) return;
    const key = `${address}:${port}`;
    let flow = this.#flows.get(key);
    if (!flow) {
      if (this.#flows.size === UDP_FLOWS_MAX) return;
      flow = createSocket('udp4').bind(0, SERVER_HOST);
      flow.on('message', (answer) => {
        if (this.#passes()) this.#socket.send(answer, port, address);
      });
      ignoreErrors(flow);
      this.#flows.set(key, flow);
    }
    flow.send(datagram, this.#serverPort, SERVER_HOST);
  }

  #passes() {
    return !this.#blocked && !this.#isCut;
  }

  #closeFlows() {
    for (const flow of this.#flows.values()) flow.close();
    this.#flows.clear();
  }
}

class TcpRelay {
  #listener;
  #serverPort;
  #state = 'open';
  /** @type {Set<Link>} */
  #links = new Set();

  constructor(listener, serverPort) {
    this.#listener = listener;
    this.#serverPort = serverPort;
    this.port = listener.address().port;
    listener.on('connection', (near) => this.#accept(near));
  }

  static async open(host, port, serverPort) {
    const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    listener.listen(port, host);
    await once(listener, 'listening');
    return new TcpRelay(listener, serverPort);
  }

  /** @param {'frozen' | 'reset'} state */
  cut(state) {
    this.#state = state;
    for (const link of this.#links) {
      if (state === 'reset') link.reset();
      else link.freeze();
    }
  }

  restore() {
    this.#state = 'open';
    for (const link of this.#links) link.thaw();
  }

  async close() {
    for (const link of this.#links) link.reset();
    this.#listener.close();
    await once(this.#listener, 'close');
  }

  #accept(near) {
    if (this.#state === 'reset' || this.#links.size === TCP_LINKS_MAX) {
      near.resetAndDestroy();
      return;
    }
    const link = new Link(near, this.#serverPort, () => this.#links.delete(link));
    this.#links.add(link);
    if (this.#state === 'open') link.thaw();
  }
}

/** One TCP connection of the page, and the one to the server that belongs to it: made once the network carries it. */
class Link {
  #near;
  #far = null;
  #serverPort;
  #frozen = true;
  /** An end that the other side must not learn of before the thaw. */
  #broken = false;
  #onClose;

  constructor(near, serverPort, onClose) {
    this.#near = near;
    this.#serverPort = serverPort;
    this.#onClose = onClose;
    near.setNoDelay();
    near.on('error', () => this.#break());
    near.on('close', () => this.#break());
  }

  freeze() {
    this.#frozen = true;
    this.#near.unpipe();
    this.#far?.unpipe();
    this.#near.pause();
    this.#far?.pause();
  }

  thaw() {
    if (!this.#frozen) return;
    this.#frozen = false;
    if (this.#broken) {
      this.reset();
      return;
    }
    this.#far ??= this.#reach();
    this.#near.pipe(this.#far);
    this.#far.pipe(this.#near);
  }

  reset() {
    this.#near.resetAndDestroy();
    this.#far?.resetAndDestroy();
    this.#onClose();
  }

  #reach() {
    const far = connect({ port: this.#serverPort, host: SERVER_HOST, allowHalfOpen: true, noDelay: true });
    far.on('error', () => this.#break());
    far.on('close', () => this.#break());
    return far;
  }

  #break() {
    this.#broken = true;
    if (!this.#frozen) this.reset();
  }
}

/** A refused datagram is a lost one. */
function ignoreErrors(socket) {
  socket.on('error', () => {});
}
