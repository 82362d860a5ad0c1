/** Serves the bundled page on loopback: a secure context, as browsers demand for media. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BUILD_DIR, buildPage } from '../build.mjs';

const FILES = {
  '/': { name: 'index.html', type: 'text/html; charset=utf-8' },
  '/main.js': { name: 'main.js', type: 'text/javascript; charset=utf-8' },
};

export class Pages {
  #http;

  constructor(http) {
    this.#http = http;
    this.url = `http://127.0.0.1:${http.address().port}/`;
  }

  static async start() {
    await buildPage();
    const http = createServer(async (request, response) => {
      const file = FILES[request.url];
      if (!file) {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, { 'content-type': file.type }).end(await readFile(join(BUILD_DIR, file.name)));
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return new Pages(http);
  }

  async stop() {
    this.#http.closeAllConnections();
    this.#http.close();
    await once(this.#http, 'close');
  }
}
