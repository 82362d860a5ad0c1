/**
 * A random walk over who is in a session and who receives whom, and an oracle that says what must be received. The oracle
 * shares nothing with the server: it evaluates the rules of the control API from scratch after each step.
 */

const PARTICIPANT_STEPS = ['list', 'list', 'list', 'whole session', 'clear', 'leave'];

export class Walk {
  #random;
  #api;
  #session;
  #ids;
  /** Member → its subscriptions, as last put. @type {Map<string, object>} */
  #members = new Map();

  /** @param {string[]} ids  participants that publish; all are in the session, and none receives anything */
  constructor(seed, { api, session }, ids) {
    this.#random = generator(seed);
    this.#api = api;
    this.#session = session;
    this.#ids = ids;
    for (const id of ids) this.#members.set(id, {});
  }

  /** Makes a random change; done when the server has answered. @returns {Promise<string>} what it was */
  async step() {
    const id = this.#pick(this.#ids);
    if (!this.#members.has(id)) {
      const subscriptions = this.#randomList(id);
      await this.#api.add(this.#session, id, subscriptions);
      this.#members.set(id, subscriptions);
      return `${id} joins with ${JSON.stringify(subscriptions)}`;
    }
    const step = this.#pick(PARTICIPANT_STEPS);
    if (step === 'leave') {
      await this.#api.remove(this.#session, id);
      this.#members.delete(id);
      return `${id} is removed`;
    }
    const subscriptions = this.#subscriptions(step, id);
    await this.#api.putSubscriptions(this.#session, id, subscriptions);
    this.#members.set(id, subscriptions);
    return `${id} subscribes to ${JSON.stringify(subscriptions)}`;
  }

  /** Whom this participant must receive now, and nobody else. @returns {string[]} */
  receivedBy(id) {
    const subscriptions = this.#members.get(id);
    if (!subscriptions) return [];
    const present = this.#ids.filter((other) => other !== id && this.#members.has(other));
    if (subscriptions.participants) {
      const listed = subscriptions.participants.map(({ participantId }) => participantId);
      return present.filter((other) => listed.includes(other));
    }
    return subscriptions.sessionId ? present : [];
  }

  #subscriptions(step, id) {
    if (step === 'list') return this.#randomList(id);
    return step === 'clear' ? {} : { sessionId: this.#session };
  }

  /** At least one, whether it is in the session or not. */
  #randomList(id) {
    const others = this.#ids.filter((other) => other !== id);
    const first = this.#pick(others);
    const listed = others.filter((other) => other === first || this.#random() < 0.5);
    return { participants: listed.map((participantId) => ({ participantId })) };
  }

  #pick(choices) {
    return choices[Math.floor(this.#random() * choices.length)];
  }
}

/** Mulberry32: the same seed walks the same way. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
