/** A participant with a page: the test's handle on `window.device` there. */
import { withDeadline } from './poll.mjs';

export class Device {
  #page;
  #token;
  #websocketUrl;

  /** @param {import('./network.mjs').Network} [network]  what lies between page and server, if anything */
  constructor(page, participantId, token, websocketUrl, network) {
    this.#page = page;
    this.#token = token;
    this.#websocketUrl = websocketUrl;
    this.participantId = participantId;
    this.network = network;
  }

  async connect() {
    if (this.network) await this.#in((host) => device.reachMediaAt(host), this.network.mediaHost);
    const url = this.network?.websocketUrl ?? this.#websocketUrl;
    await this.#in((token, url) => device.connect(token, url), this.#token, url);
  }

  /**
   * @param {{tone?: number, colour?: string, alias?: string, videoCodec?: string}} source
   * @returns {Promise<Publication>} what others are expected to receive
   * @typedef {{id: string, participantId: string, alias?: string, mediaTypes: string[], tone?: number, colour?: string,
   *   calledAt: number}} Publication
   */
  async publish(source) {
    const published = await this.#in((source) => device.publish(source), source);
    const { alias, tone, colour } = source;
    return { participantId: this.participantId, alias, tone, colour, ...published };
  }

  async unpublish({ id }) {
    await this.#in((id) => device.unpublish(id), id);
  }

  async setMicEnabled(enabled) {
    await this.#in((enabled) => device.setMicEnabled(enabled), enabled);
  }

  async setCameraEnabled(enabled) {
    await this.#in((enabled) => device.setCameraEnabled(enabled), enabled);
  }

  async sendDtmf(tones) {
    await this.#in((tones) => device.sendDtmf(tones), tones);
  }

  async disconnect() {
    await this.#in(() => device.disconnect());
  }

  async closePage() {
    await this.#page.context().close();
  }

  /** See `observe` in page/device.mjs. */
  async observe() {
    return this.#in(() => device.observe());
  }

  /** @returns {Promise<number>} the number of the watch */
  async startWatching() {
    return this.#in(() => device.startWatching());
  }

  /** @returns {Promise<{tones: Record<string, number>, colours: Record<string, number>}>} each with its first time */
  async watchedSoFar(watch) {
    return this.#in((watch) => device.watchedSoFar(watch), watch);
  }

  /** @returns {Promise<[number | string, number][]>} every tone and colour since the watch began, with its time */
  async sightings(watch) {
    return this.#in((watch) => device.sightings(watch), watch);
  }

  async cutSignaling() {
    await this.#in(() => device.cut());
  }

  async cutSignalingAfterSending(method) {
    await this.#in((method) => device.cutAfterSending(method), method);
  }

  async restoreSignaling() {
    await this.#in(() => device.restore());
  }

  async sockets() {
    return this.#in(() => device.sockets());
  }

  async blockedAttempts() {
    return this.#in(() => device.blockedAttempts());
  }

  async sentCount(method) {
    return this.#in((method) => device.sentCount(method), method);
  }

  async mLineCounts() {
    return this.#in(() => device.mLineCounts());
  }

  async sentPackets() {
    return this.#in(() => device.sentPackets());
  }

  /** @returns {Promise<string[]>} of each peer connection, the protocol of the path that it uses */
  async transportProtocols() {
    return this.#in(() => device.transportProtocols());
  }

  async receivedCodecs() {
    return this.#in(() => device.receivedCodecs());
  }

  async canSendVideo(mimeType) {
    return this.#in((mimeType) => device.canSendVideo(mimeType), mimeType);
  }

  pageLog() {
    return this.#page.log;
  }

  #in(body, ...args) {
    return withDeadline(`the page to run ${body}`, this.#page.evaluate(`(${body})(...${JSON.stringify(args)})`));
  }
}
