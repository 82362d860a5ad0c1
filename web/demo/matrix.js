/**
 * The matrix of crosspoints: a table of checkboxes, one row for each subscriber and one column for each publisher. It
 * shows what the room says, and reports what the user ticks; it sends nothing itself.
 *
 * Event: `change`, detail `{subscriberId, subscriptions}`: the row that the user changed, as it should be now.
 *
 * @typedef {import('./rooms.js').Room} Room
 * @typedef {import('./subscriptions.js').Cell} Cell
 */
import { aliases, fromCells, reception } from './subscriptions.js';

export class Matrix extends EventTarget {
  #container;
  /** @type {Room | null} */
  #room = null;
  /** What the table was built for: rebuilt only when that changes, so that focus and clicks survive. */
  #members = '';
  #shown = '';

  /** @param {HTMLElement} container */
  constructor(container) {
    super();
    this.#container = container;
    container.addEventListener('change', ({ target }) => {
      if (target instanceof HTMLInputElement) this.#handleTick(target);
    });
  }

  /** @param {Room} room */
  show(room) {
    const shown = JSON.stringify([room.participants.map(({ id, name }) => [id, name]), room.subscriptions]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#room = room;
    const members = JSON.stringify(room.participants.map(({ id, name }) => [id, name]));
    if (members !== this.#members) {
      this.#members = members;
      this.#build(room);
    }
    this.#fill(room);
  }

  /** Forgets what is shown, so that the next `show` corrects ticks that were not accepted. */
  invalidate() {
    this.#shown = '';
  }

  clear() {
    this.#container.replaceChildren();
    this.#room = null;
    this.#members = this.#shown = '';
  }

  /** @param {Room} room */
  #build({ participants }) {
    const focused = document.activeElement instanceof HTMLInputElement ? { ...document.activeElement.dataset } : {};
    this.#container.replaceChildren(participants.length < 2 ? alone() : table(participants));
    if (focused.subscriber && focused.publisher) this.#checkbox(focused.subscriber, focused.publisher)?.focus();
  }

  /** @param {Room} room */
  #fill({ participants, subscriptions }) {
    for (const box of this.#boxes()) {
      const row = subscriptions[box.dataset.subscriber ?? ''];
      const publisherId = box.dataset.publisher ?? '';
      const received = reception(row, publisherId);
      box.checked = received !== 'nothing';
      box.indeterminate = received === 'some streams';
      box.title = box.indeterminate ? `only: ${aliases(row, publisherId).join(', ')}` : '';
    }
    for (const { id } of participants) this.#summarise(id, subscriptions[id]);
  }

  /**
   * @param {string} subscriberId
   * @param {import('./subscriptions.js').Subscriptions | undefined} row
   */
  #summarise(subscriberId, row) {
    const summary = this.#container.querySelector(`[data-summary="${CSS.escape(subscriberId)}"]`);
    if (!summary) return;
    if (row?.participants?.length) summary.textContent = 'explicit list';
    else summary.textContent = row?.sessionId ? 'whole session' : 'nobody';
  }

  /** @param {HTMLInputElement} box */
  #handleTick(box) {
    const subscriberId = box.dataset.subscriber;
    if (!this.#room || !subscriberId) return;
    const { subscriptions: rows, sessionId } = this.#room;
    const subscriptions = fromCells(this.#cells(subscriberId), rows[subscriberId], sessionId);
    this.#summarise(subscriberId, subscriptions);
    this.dispatchEvent(new CustomEvent('change', { detail: { subscriberId, subscriptions } }));
  }

  /** @param {string} subscriberId @returns {Cell[]} */
  #cells(subscriberId) {
    return this.#boxes()
      .filter((box) => box.dataset.subscriber === subscriberId)
      .map((box) => ({
        publisherId: box.dataset.publisher ?? '',
        reception: box.indeterminate ? 'some streams' : box.checked ? 'all streams' : 'nothing',
      }));
  }

  /** @returns {HTMLInputElement[]} */
  #boxes() {
    return [...this.#container.querySelectorAll('input')];
  }

  /**
   * @param {string} subscriberId
   * @param {string} publisherId
   */
  #checkbox(subscriberId, publisherId) {
    return this.#boxes().find(
      ({ dataset }) => dataset.subscriber === subscriberId && dataset.publisher === publisherId,
    );
  }
}

function alone() {
  const text = document.createElement('p');
  text.className = 'alone';
  text.textContent = 'You are alone in this room. Open this page in another tab, or send its address to someone.';
  return text;
}

/** @param {Room['participants']} participants */
function table(participants) {
  const element = document.createElement('table');
  element.setAttribute('aria-describedby', 'matrix-hint');
  const head = element.createTHead().insertRow();
  head.insertCell().textContent = 'hears →';
  head.append(...participants.map(({ name }) => heading(name, 'col')), heading('receives', 'col'));
  const body = element.createTBody();
  for (const subscriber of participants) {
    const row = body.insertRow();
    row.append(heading(subscriber.name, 'row'));
    for (const publisher of participants) row.insertCell().append(crosspoint(subscriber, publisher));
    const summary = row.insertCell();
    summary.className = 'summary';
    summary.dataset.summary = subscriber.id;
  }
  return element;
}

/**
 * @param {string} text
 * @param {'col' | 'row'} scope
 */
function heading(text, scope) {
  const cell = document.createElement('th');
  cell.scope = scope;
  cell.textContent = cell.title = text;
  return cell;
}

/**
 * @param {Room['participants'][number]} subscriber
 * @param {Room['participants'][number]} publisher
 */
function crosspoint(subscriber, publisher) {
  if (subscriber.id === publisher.id) return document.createTextNode('');
  const label = document.createElement('label');
  const box = document.createElement('input');
  box.type = 'checkbox';
  box.dataset.subscriber = subscriber.id;
  box.dataset.publisher = publisher.id;
  box.ariaLabel = `${subscriber.name} hears ${publisher.name}`;
  label.append(box);
  return label;
}
