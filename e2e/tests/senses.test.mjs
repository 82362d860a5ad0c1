/** The tests' own instruments, without a server: a detector that is deaf or blind would let every silence pass. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser } from '../lib/browser.mjs';
import { Pages } from '../lib/pages.mjs';
import { throughout, until } from '../lib/poll.mjs';
import { BLUE, GREEN, MAGENTA, RED, YELLOW } from '../lib/sources.mjs';

let pages;
let browser;
let page;

before(async () => {
  pages = await Pages.start();
  browser = await Browser.start();
  page = await browser.open(pages.url);
});

after(async () => {
  await browser?.stop();
  await pages?.stop();
});

async function perceives(sources) {
  const expected = {
    tones: sources.map(({ tone }) => tone).sort((a, b) => a - b),
    colours: sources.map(({ colour }) => colour).sort(),
  };
  const observe = async () => {
    const { tones, colours } = await page.evaluate(() => device.observe());
    return { tones, colours };
  };
  let last;
  const matches = async () => {
    last = await observe();
    return JSON.stringify(last) === JSON.stringify(expected);
  };
  await until(`the page to perceive ${JSON.stringify(expected)}`, matches, { describe: () => last });
  const watch = await page.evaluate(() => device.startWatching());
  await throughout(1_000, async () => assert.deepEqual(await observe(), expected));
  const watched = await page.evaluate((watch) => device.watchedSoFar(watch), watch);
  assert.deepEqual(Object.keys(watched.tones).map(Number), expected.tones);
  assert.deepEqual(Object.keys(watched.colours).sort(), expected.colours);
}

test('the senses perceive every source, alone and together, and nothing where nothing is', async () => {
  await perceives([]);
  await page.evaluate((source) => loopback.send(source), RED);
  await perceives([RED]);
  for (const source of [GREEN, BLUE, YELLOW, MAGENTA]) await page.evaluate((source) => loopback.send(source), source);
  await perceives([RED, GREEN, BLUE, YELLOW, MAGENTA]);
  await page.evaluate(() => loopback.stop());
  await perceives([]);
  await page.evaluate((source) => loopback.send(source), YELLOW);
  await perceives([YELLOW]);
});
