/** Runs the lifecycle of `python/test_lifecycle.py` in the project's virtual environment against a fresh server. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ACCOUNTS, Server } from '../lib/server.mjs';

const PYTHON_DIR = fileURLToPath(new URL('../python/', import.meta.url));
const PYTHON = fileURLToPath(new URL('../.venv/bin/python', import.meta.url));

let server;

before(async () => {
  server = await Server.start();
});

after(() => server?.stop());

test('the unmodified Python SDK runs a full lifecycle', async (context) => {
  assert.ok(existsSync(PYTHON), `no ${PYTHON}: see README.md`);
  const [{ id, user, password }, other] = ACCOUNTS;
  const python = spawn(PYTHON, ['-B', '-m', 'unittest', '-v', 'test_lifecycle'], {
    cwd: PYTHON_DIR,
    env: {
      PATH: process.env.PATH,
      CROSSPOINT_URL: server.url,
      CROSSPOINT_ACCOUNT: id,
      CROSSPOINT_USER: user,
      CROSSPOINT_PASSWORD: password,
      CROSSPOINT_OTHER_ACCOUNT: other.id,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  python.stdout.on('data', (chunk) => (output += chunk));
  python.stderr.on('data', (chunk) => (output += chunk));
  const [exitCode] = await once(python, 'close');
  context.diagnostic(output);
  assert.equal(exitCode, 0, output);
});
