/** The demo page as a newcomer meets it: `serve --dev`, two tabs, one room. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser } from '../lib/browser.mjs';
import { throughout, until } from '../lib/poll.mjs';
import { Server } from '../lib/server.mjs';

const GONE_WINDOW_MS = 1_500;

let server;
let browser;

before(async () => {
  server = await Server.start({ dev: true });
  browser = await Browser.start();
});

after(async () => {
  await browser?.stop();
  await server?.stop();
});

test('two tabs see each other, and an unticked crosspoint takes the picture away, one way', async (context) => {
  const tabs = [];
  try {
    tabs.push(await enter('Ann'), await enter('Bob'));
    const [ann, bob] = tabs;
    const bobsId = await remoteThatPlays(ann);
    const annsId = await remoteThatPlays(bob);
    assert.notEqual(bobsId, annsId);

    await ann.locator(`input[data-publisher="${bobsId}"]:not([data-subscriber="${bobsId}"])`).uncheck();
    const pictureOfBob = ann.locator(`[data-participant="${bobsId}"] video`);
    await until("Bob's picture to leave Ann's tab", async () => (await playing(pictureOfBob)) === null);
    await throughout(GONE_WINDOW_MS, async () => assert.equal(await playing(pictureOfBob), null));
    assert.equal(await remoteThatPlays(bob), annsId, 'the other way is untouched');
  } catch (error) {
    context.diagnostic([...tabs.map((tab) => tab.log.join('\n')), server.logTail()].join('\n'));
    throw error;
  }
});

async function enter(name) {
  const tab = await browser.open(`${server.url}/demo`);
  await tab.locator('#room').fill('lobby');
  await tab.locator('#name').fill(name);
  await tab.locator('#join').click();
  return tab;
}

/** @returns {Promise<string>} the id of the one remote participant of this tab, once its video plays */
async function remoteThatPlays(tab) {
  const remote = tab.locator('[data-participant]', { has: tab.locator('video') });
  await until('one remote participant', async () => (await remote.count()) === 1);
  const video = remote.locator('video').first();
  const start = await until('the remote video to play', () => playing(video));
  await until('the remote video to advance', async () => ((await playing(video)) ?? 0) > start);
  return remote.getAttribute('data-participant');
}

/** @returns {Promise<number | null>} the position of a video that shows a picture; null when none is there */
function playing(video) {
  // One look at the page: between two of them the element may go.
  return video.evaluateAll(([element]) => (element?.videoWidth > 0 ? element.currentTime : null));
}
