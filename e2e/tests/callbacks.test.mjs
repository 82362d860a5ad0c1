/** What applications are told: callbacks and the stream of events. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { ACCOUNTS } from '../lib/server.mjs';
import { until } from '../lib/poll.mjs';
import { Receiver } from '../lib/receiver.mjs';
import { RED } from '../lib/sources.mjs';
import { onStage } from '../lib/stage.mjs';

const [{ id: ACCOUNT, user, password }] = ACCOUNTS;
const KEY = Buffer.from('a key of thirty-two bytes, no more');
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** A page that closes is waited for three seconds, then the receiver's turn comes. */
const LOSS_DEADLINE_MS = 30_000;

const test = onStage({
  serverFlags: [
    '--allow-private-callbacks',
    '--callback-secret', `${ACCOUNT}:whsec_${KEY.toString('base64')}`,
    '--stream-callbacks', ACCOUNT,
  ],
});

async function withReceiver(body) {
  const receiver = await Receiver.start();
  try {
    await body(receiver);
  } finally {
    receiver.stop();
  }
}

async function hasHeard(receiver, device, events) {
  const heard = () => receiver.accepted(device);
  const matches = () => JSON.stringify(heard()) === JSON.stringify(events);
  await until(`callbacks ${events}`, matches, { deadlineMs: LOSS_DEADLINE_MS, describe: heard });
}

/** As a receiver checks it (Standard Webhooks). */
function assertSigned({ headers, text }) {
  const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`;
  const expected = `v1,${createHmac('sha256', KEY).update(content).digest('base64')}`;
  assert.equal(headers['webhook-signature'], expected);
  assert.ok(Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp'])) < 60);
}

test('a device is told of from its coming to its going, in order and signed', (scene) =>
  withReceiver(async (receiver) => {
    const ann = await scene.join({ callbackUrl: receiver.url, tag: 'agent' });
    await ann.publish({ ...RED, alias: 'camera' });
    await ann.disconnect();
    const events = ['onConnect', 'onStreamPublished', 'onStreamUnpublished', 'onLeave'];
    await hasHeard(receiver, ann, events);
    receiver.requests.forEach(assertSigned);
    const [connect, published] = receiver.requests.map(({ body }) => body);
    assert.match(connect.deviceId, UUID);
    assert.match(connect.timestamp, /^[0-9]{13}$/);
    assert.deepEqual(connect, {
      event: 'onConnect',
      timestamp: connect.timestamp,
      participantId: ann.participantId,
      deviceId: connect.deviceId,
      tag: 'agent',
    });
    assert.deepEqual([published.alias, published.mediaTypes], ['camera', ['AUDIO', 'VIDEO']]);
    assert.equal(new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size, events.length);
  }));

test('a page that is closed disconnects, a deleted participant leaves', (scene) =>
  withReceiver(async (receiver) => {
    const [ann, bob] = await scene.joinMany(2, { callbackUrl: receiver.url });
    await ann.closePage();
    await scene.api.deleteParticipant(bob.participantId);
    await hasHeard(receiver, bob, ['onConnect', 'onLeave']);
    await hasHeard(receiver, ann, ['onConnect', 'onDisconnect']);
  }));

test('what was not delivered before a kill is delivered after it, under the same id', (scene) =>
  withReceiver(async (receiver) => {
    receiver.answerWith(503);
    const ann = await scene.join({ callbackUrl: receiver.url });
    await until('a first attempt', async () => receiver.requests.length > 0);
    await scene.server.kill();
    receiver.answerWith(204);
    await scene.server.startAgain();
    await hasHeard(receiver, ann, ['onConnect']);
    const ids = new Set(receiver.requests.map(({ headers }) => headers['webhook-id']));
    assert.equal(ids.size, 1, 'the same message at each attempt');
    await scene.api.deleteParticipant(ann.participantId);
    await hasHeard(receiver, ann, ['onConnect', 'onLeave']);
  }));

/** The events of the account from here on, until `enough` says so; each with id, name and data. */
async function listen(scene, lastEventId, enough) {
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const headers = { authorization, ...(lastEventId && { 'last-event-id': lastEventId }) };
  const stop = new AbortController();
  const response = await fetch(`${scene.server.url}/accounts/${ACCOUNT}/events`, { headers, signal: stop.signal });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const events = [];
  let rest = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks.filter((block) => !block.startsWith(':'))) {
      const field = (name) => block.match(new RegExp(`^${name}: ?(.*)$`, 'm'))?.[1];
      events.push({ id: field('id'), name: field('event'), data: JSON.parse(field('data')) });
    }
    if (enough(events)) break;
  }
  stop.abort();
  return events;
}

test('the stream of events tells everything, and goes on where it was left', async (scene) => {
  const has = (name) => (events) => events.some((event) => event.name === name);
  const opened = await listen(scene, undefined, has('open'));
  const listening = listen(scene, opened.at(-1).id, has('streamPublished'));
  const ann = await scene.join();
  const red = await ann.publish(RED);
  const events = await listening;
  const names = events.map(({ name }) => name);
  const expected = ['participantCreated', 'participantAdded', 'subscriptionsChanged', 'deviceConnected', 'streamPublished'];
  assert.deepEqual(names.slice(1), expected);
  const published = events.at(-1).data;
  assert.deepEqual([published.participantId, published.stream.mediaTypes], [ann.participantId, red.mediaTypes]);

  await ann.disconnect();
  const later = await listen(scene, events.at(-1).id, has('deviceLeft'));
  assert.deepEqual(later.map(({ name }) => name), ['open', 'streamUnpublished', 'deviceLeft']);
});
