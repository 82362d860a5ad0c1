/**
 * The pictures: one tile for this participant and one for each other, with a video element for each of its streams.
 * A remote tile is there while its participant is in the room or one of its streams is received.
 *
 * @typedef {{id: string, participantId: string, alias?: string, mediaStream: MediaStream}} RemoteStream
 * @typedef {import('./rooms.js').Participant} Participant
 */
export class Tiles {
  #container;
  #playBlocked;
  /** Remote tiles by participant. @type {Map<string, Tile>} */
  #remote = new Map();
  /** The tile that shows a stream, by stream. @type {Map<string, Tile>} */
  #tileOf = new Map();
  /** @type {Tile | null} */
  #self = null;

  /**
   * @param {HTMLElement} container
   * @param {() => void} playBlocked  called when the browser wants a click before it plays sound
   */
  constructor(container, playBlocked) {
    this.#container = container;
    this.#playBlocked = playBlocked;
  }

  /** @param {string} name */
  addSelf(name) {
    this.#self = new Tile(this.#container);
    this.#self.element.id = 'self';
    this.#self.setName(`${name} (you)`);
    this.#self.setNote('');
  }

  /**
   * @param {MediaStream} mediaStream
   * @param {string} alias
   */
  addOwnStream(mediaStream, alias) {
    const video = this.#self?.addStream(mediaStream, alias);
    if (!video) return;
    video.muted = true;
    video.play().catch(() => {});
  }

  /** @param {string} id */
  removeOwnStream(id) {
    this.#self?.removeStream(id);
  }

  /** @param {string} note */
  setSelfNote(note) {
    this.#self?.setNote(note);
  }

  /** @param {RemoteStream} stream */
  addStream({ id, participantId, alias, mediaStream }) {
    const tile = this.#remoteTile(participantId);
    this.#tileOf.set(id, tile);
    tile.setNote('');
    const video = tile.addStream(mediaStream, alias ?? 'stream');
    video.play().catch((error) => {
      if (error.name === 'NotAllowedError') this.#playBlocked();
    });
  }

  /** @param {string} id */
  removeStream(id) {
    this.#tileOf.get(id)?.removeStream(id);
    this.#tileOf.delete(id);
  }

  /** Brings names, notes and the set of tiles in line with the room. @param {Participant[]} others */
  update(others) {
    for (const { id, name, streams } of others) {
      const tile = this.#remoteTile(id);
      tile.setName(name);
      if (tile.isEmpty) tile.setNote(streams.length > 0 ? 'not received' : 'sends nothing');
    }
    const present = new Set(others.map(({ id }) => id));
    for (const [id, tile] of this.#remote) {
      if (present.has(id) || !tile.isEmpty) continue;
      tile.element.remove();
      this.#remote.delete(id);
    }
  }

  /** Plays everything, once a click allows it. */
  play() {
    for (const video of this.#container.querySelectorAll('video')) video.play().catch(() => {});
  }

  clear() {
    this.#container.replaceChildren();
    this.#remote.clear();
    this.#tileOf.clear();
    this.#self = null;
  }

  /** @param {string} participantId */
  #remoteTile(participantId) {
    let tile = this.#remote.get(participantId);
    if (!tile) {
      tile = new Tile(this.#container);
      tile.element.dataset.participant = participantId;
      this.#remote.set(participantId, tile);
    }
    return tile;
  }
}

class Tile {
  element = document.createElement('article');
  #streams = document.createElement('div');
  #initial = document.createElement('span');
  #name = document.createElement('strong');
  #note = document.createElement('span');
  /** @type {Map<string, HTMLVideoElement>} */
  #videos = new Map();

  /** @param {HTMLElement} container */
  constructor(container) {
    this.element.className = 'tile';
    this.#streams.className = 'streams';
    this.#initial.className = 'initial';
    this.#initial.ariaHidden = 'true';
    const caption = document.createElement('p');
    caption.className = 'caption';
    this.#note.className = 'note';
    caption.append(this.#name, this.#note);
    this.element.append(this.#initial, this.#streams, caption);
    this.setName('…');
    container.append(this.element);
  }

  get isEmpty() {
    return this.#videos.size === 0;
  }

  /** @param {string} name */
  setName(name) {
    if (this.#name.textContent === name) return;
    this.#name.textContent = name;
    this.#initial.textContent = ([...name][0] ?? '?').toUpperCase();
    this.element.ariaLabel = name;
    for (const video of this.#videos.values()) this.#label(video);
  }

  /** @param {string} note */
  setNote(note) {
    if (this.#note.textContent !== note) this.#note.textContent = note;
  }

  /**
   * @param {MediaStream} mediaStream
   * @param {string} alias
   */
  addStream(mediaStream, alias) {
    const video = document.createElement('video');
    video.autoplay = true;
    video.playsInline = true;
    video.dataset.stream = mediaStream.id;
    video.dataset.alias = alias;
    video.classList.toggle('audio-only', mediaStream.getVideoTracks().length === 0);
    video.srcObject = mediaStream;
    this.#label(video);
    this.#streams.append(video);
    this.#videos.set(mediaStream.id, video);
    return video;
  }

  /** @param {string} id */
  removeStream(id) {
    const video = this.#videos.get(id);
    if (!video) return;
    video.srcObject = null;
    video.remove();
    this.#videos.delete(id);
  }

  /** @param {HTMLVideoElement} video */
  #label(video) {
    video.ariaLabel = `${this.#name.textContent}: ${video.dataset.alias}`;
  }
}
