/** One server process: the real binary, on free loopback ports, with its data and its log in a temporary directory. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync, existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './poll.mjs';
import { freeMediaPort, freePort } from './ports.mjs';

const BINARY =
  process.env.CROSSPOINT_BIN ?? fileURLToPath(new URL('../../target/release/crosspoint', import.meta.url));
const START_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 15_000;
const LOG_TAIL_LINES = 60;
/** What it logs once it listens everywhere. */
const STARTED = 'REST, WebSocket and pages on';

/** Two accounts, so that isolation between them can be shown. */
export const ACCOUNTS = [
  { id: '9900000', user: 'user', password: 'secret' },
  { id: '9900001', user: 'other', password: 'hidden' },
];
/** The account that `--dev` brings along. */
export const DEV_ACCOUNT = { id: '9900000', user: 'dev', password: 'dev' };

export class Server {
  #process;
  #directory;
  #arguments;

  constructor(directory, port, mediaPort, args) {
    this.#directory = directory;
    this.#arguments = args;
    this.port = port;
    this.mediaPort = mediaPort;
    this.url = `http://127.0.0.1:${port}`;
  }

  /**
   * @param {{dev?: boolean, flags?: string[]}} [options]  `dev`: `serve --dev` with its own account, instead of
   *   `ACCOUNTS`; `flags`: besides the usual ones
   */
  static async start({ dev = false, flags = [] } = {}) {
    if (!existsSync(BINARY)) throw new Error(`no server binary at ${BINARY}: build it, or set CROSSPOINT_BIN`);
    const directory = await mkdtemp(join(tmpdir(), 'crosspoint-e2e-'));
    const [port, mediaPort] = [await freePort(), await freeMediaPort()];
    const args = [
      'serve',
      ...(dev ? ['--dev'] : accountFlags()),
      '--listen', `127.0.0.1:${port}`,
      '--media-listen', `127.0.0.1:${mediaPort}`,
      '--advertise', '127.0.0.1',
      '--data-dir', join(directory, 'data'),
      '--drain', '1s',
      ...flags,
    ];
    const server = new Server(directory, port, mediaPort, args);
    await server.#spawn();
    return server;
  }

  /** Ends the process as a power cut would. */
  async kill() {
    this.#process.kill('SIGKILL');
    await this.#exited('SIGKILL');
  }

  /** Starts the process that was killed anew, on the same ports and data; resolves when it answers. */
  async startAgain() {
    await this.#spawn();
  }

  /** When the last process said that it serves, in milliseconds since 1970. */
  get startedAt() {
    const line = readFileSync(this.#logPath, 'utf8').split('\n').findLast((line) => line.includes(STARTED));
    return Date.parse(line.match(/\d{4}-\d\d-\d\dT[\d:.]+Z/)[0]);
  }

  async #spawn() {
    const log = openSync(this.#logPath, 'a');
    const process = spawn(BINARY, this.#arguments, { stdio: ['ignore', log, log] });
    closeSync(log);
    // A test run that is broken off leaves nothing behind.
    globalThis.process.once('exit', () => process.kill('SIGKILL'));
    this.#process = process;
    await this.#ready();
  }

  get #logPath() {
    return join(this.#directory, 'server.log');
  }

  get websocketUrl() {
    return this.url.replace(/^http/, 'ws');
  }

  get pid() {
    return this.#process.pid;
  }

  logTail() {
    return readFileSync(this.#logPath, 'utf8').split('\n').slice(-LOG_TAIL_LINES).join('\n');
  }

  /** Ends the process and removes its directory; throws when it panicked on the way, or didn't end cleanly. */
  async stop() {
    if (this.#running()) {
      this.#process.kill('SIGTERM');
      await this.#exited('SIGTERM');
    }
    const log = await readFile(this.#logPath, 'utf8');
    await rm(this.#directory, { recursive: true, force: true });
    if (/panicked/.test(log)) throw new Error(`the server panicked:\n${log}`);
    if (this.#process.exitCode !== 0) throw new Error(`the server ended with ${this.#ending()}:\n${log}`);
  }

  async #ready() {
    await once(this.#process, 'spawn');
    try {
      await until('GET /livez to answer 200', () => this.#isLive(), { deadlineMs: START_DEADLINE_MS });
    } catch (error) {
      this.#process.kill('SIGKILL');
      throw new Error(`the server did not start: ${error.message}\n${this.logTail()}`, { cause: error });
    }
  }

  async #isLive() {
    if (!this.#running()) throw new Error(`it ended with ${this.#ending()}`);
    try {
      return (await fetch(`${this.url}/livez`)).status === 200;
    } catch {
      // Not listening yet.
      return false;
    }
  }

  async #exited(signal) {
    const ended = () => !this.#running();
    try {
      await until(`the server to end after ${signal}`, ended, { deadlineMs: STOP_DEADLINE_MS });
    } catch (error) {
      this.#process.kill('SIGKILL');
      throw new Error(`${error.message}\n${this.logTail()}`, { cause: error });
    }
  }

  #running() {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  #ending() {
    return `exit code ${this.#process.exitCode}, signal ${this.#process.signalCode}`;
  }
}

function accountFlags() {
  return ACCOUNTS.flatMap(({ id, user, password }) => ['--account', `${id}:${user}:${password}`]);
}
