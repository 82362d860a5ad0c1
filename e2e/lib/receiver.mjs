/** An application's receiver of callbacks: a real HTTP server on loopback that can be told to fail. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

export class Receiver {
  #server;
  #status = 204;
  /** Every request, refused or not. @type {{status: number, headers: object, text: string, body: object}[]} */
  requests = [];

  static async start() {
    const receiver = new Receiver();
    receiver.#server = createServer(async (request, response) => {
      const body = await text(request);
      const status = receiver.#status;
      receiver.requests.push({ status, headers: request.headers, text: body, body: JSON.parse(body) });
      response.writeHead(status).end();
    }).listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}/callbacks?from=test`;
  }

  answerWith(status) {
    this.#status = status;
  }

  /** The events that were accepted from one participant. */
  accepted({ participantId }) {
    const accepted = this.requests.filter(({ status, body }) => status < 300 && body.participantId === participantId);
    return accepted.map(({ body }) => body.event);
  }

  stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
