/**
 * What the tests of one file share, one server and one browser, and what each test has alone: a scene with a session of
 * its own, whose pages are closed behind it.
 */
import { after, before, test } from 'node:test';
import { Api } from './api.mjs';
import { Browser } from './browser.mjs';
import { Device } from './device.mjs';
import { Network } from './network.mjs';
import { Pages } from './pages.mjs';
import { ACCOUNTS, Server } from './server.mjs';

export class Stage {
  /** @param {{browserFlags?: string[], serverFlags?: string[]}} [options] */
  static async start({ browserFlags, serverFlags } = {}) {
    const stage = new Stage();
    try {
      stage.server = await Server.start({ flags: serverFlags });
      stage.api = new Api(stage.server.url, ACCOUNTS[0]);
      stage.pages = await Pages.start();
      stage.browser = await Browser.start(browserFlags);
      return stage;
    } catch (error) {
      await stage.stop();
      throw error;
    }
  }

  /** The server last, and always: it says whether it panicked. */
  async stop() {
    await this.browser?.stop();
    await this.pages?.stop();
    await this.server?.stop();
  }

  async openScene() {
    const { id } = await this.api.createSession();
    return new Scene(this, id);
  }
}

export class Scene {
  #stage;
  #devices = [];

  constructor(stage, session) {
    this.#stage = stage;
    this.api = stage.api;
    this.server = stage.server;
    this.session = session;
  }

  /**
   * A connected device whose participant is in the scene's session.
   * @param {{publish?: string[], subscriptions?: object, callbackUrl?: string, tag?: string, network?: object}} [options]
   *   without `subscriptions`: the whole session; `NONE` for none. With `network`, the options of `Network.open`: reached
   *   through a network of its own, `device.network`
   */
  async join({ publish = ['AUDIO', 'VIDEO'], subscriptions = { sessionId: this.session }, callbackUrl, tag, network } = {}) {
    const { participant, token } = await this.api.createParticipant({ publishPermissions: publish, callbackUrl, tag });
    await this.api.add(this.session, participant.id, subscriptions);
    return this.connect(participant.id, token, network);
  }

  /** As many devices, with the same options. */
  async joinMany(count, options) {
    return Promise.all(Array.from({ length: count }, () => this.join(options)));
  }

  /** Another device for a participant that exists. */
  async connect(participantId, token, network) {
    const { browser, pages, server } = this.#stage;
    const between = network && (await Network.open(server, network));
    const page = await browser.open(pages.url);
    const device = new Device(page, participantId, token, server.websocketUrl, between);
    this.#devices.push(device);
    await device.connect();
    return device;
  }

  async close() {
    await Promise.all(this.#devices.map((device) => device.closePage()));
    await Promise.all(this.#devices.map((device) => device.network?.close()));
  }

  /** What a reader of a failed test wants to see next. */
  report() {
    const pages = this.#devices.map((device) => `page of ${device.participantId}:\n${device.pageLog().join('\n')}`);
    return [...pages, `server log, last lines:\n${this.#stage.server.logTail()}`].join('\n');
  }
}

/** Ends a test that hangs; every wait inside has a deadline of its own. */
const TEST_TIMEOUT_MS = 90_000;

/** Subscriptions of someone who receives nothing. */
export const NONE = {};

/**
 * Starts a stage for this test file, and ends it with the file.
 * @param {{browserFlags?: string[], serverFlags?: string[]}} [options]
 * @returns {(name: string, body: (scene: Scene, context: import('node:test').TestContext) => Promise<void>) => void}
 *   defines one test
 */
export function onStage(options) {
  let stage;
  before(async () => {
    stage = await Stage.start(options);
  });
  after(() => stage?.stop());

  return (name, body) =>
    test(name, { timeout: TEST_TIMEOUT_MS }, async (context) => {
      const scene = await stage.openScene();
      try {
        await body(scene, context);
      } catch (error) {
        context.diagnostic(scene.report());
        throw error;
      } finally {
        await scene.close();
      }
    });
}
