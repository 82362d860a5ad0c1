/** A small client of the control API. Every helper throws on a status other than the documented success. */

export class Api {
  #base;
  #authorization;

  /** @param {string} url  of the server @param {{id: string, user: string, password: string}} account */
  constructor(url, { id, user, password }) {
    this.#base = `${url}/v1/accounts/${id}`;
    this.#authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  }

  async createSession(session) {
    return this.#call('POST', '/sessions', session);
  }

  async deleteSession(session) {
    return this.#call('DELETE', `/sessions/${session}`);
  }

  /** @returns {Promise<{participant: {id: string}, token: string}>} */
  async createParticipant(participant) {
    return this.#call('POST', '/participants', { deviceApiVersion: 'V3', ...participant });
  }

  async deleteParticipant(participant) {
    return this.#call('DELETE', `/participants/${participant}`);
  }

  /** @returns {Promise<{id: string, alias?: string, mediaTypes: string[]}[]>} what the participant publishes now */
  async streams(participant) {
    return this.#call('GET', `/participants/${participant}/streams`);
  }

  async members(session) {
    return this.#call('GET', `/sessions/${session}/participants`);
  }

  async add(session, participant, subscriptions) {
    return this.#call('PUT', `/sessions/${session}/participants/${participant}`, subscriptions);
  }

  async remove(session, participant) {
    return this.#call('DELETE', `/sessions/${session}/participants/${participant}`);
  }

  async subscriptions(session, participant) {
    return this.#call('GET', `/sessions/${session}/participants/${participant}/subscriptions`);
  }

  async putSubscriptions(session, participant, subscriptions) {
    return this.#call('PUT', `/sessions/${session}/participants/${participant}/subscriptions`, subscriptions);
  }

  async matrix(session) {
    return this.#call('GET', `/sessions/${session}/subscriptions`);
  }

  /** @param {Record<string, object>} matrix  participant id → subscriptions */
  async putMatrix(session, matrix) {
    return this.#call('PUT', `/sessions/${session}/subscriptions`, matrix);
  }

  /** For calls that are expected to be refused. @returns {Promise<{status: number, body: any}>} */
  async attempt(method, path, body) {
    const response = await fetch(`${this.#base}${path}`, {
      method,
      headers: {
        authorization: this.#authorization,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }

  async #call(method, path, body) {
    const { status, body: answer } = await this.attempt(method, path, body);
    const expected = method === 'PUT' || method === 'DELETE' ? 204 : 200;
    if (status !== expected) throw new Error(`${method} ${path} answered ${status}: ${JSON.stringify(answer)}`);
    return answer;
  }
}

/** Subscriptions to exactly these devices or publications; a publication with an alias stands for that stream alone. */
export function only(...sources) {
  return {
    participants: sources.map(({ participantId, alias }) =>
      alias ? { participantId, streamAliases: [alias] } : { participantId },
    ),
  };
}
