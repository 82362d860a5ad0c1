/** What a participant may publish, and how a stream comes, pauses and goes. */
import assert from 'node:assert/strict';
import { comesToReceive, receivesExactly, receivesNothingBut } from '../lib/observe.mjs';
import { throughout, until } from '../lib/poll.mjs';
import { BLUE, GREEN, RED } from '../lib/sources.mjs';
import { onStage } from '../lib/stage.mjs';

const NO_PACKETS_WINDOW_MS = 2_000;
const H264 = 'video/H264';

const test = onStage();

test('a stream is listed with its alias and media types', async (scene) => {
  const [ann] = await scene.joinMany(1);
  await ann.publish({ ...RED, alias: 'camera' });
  await ann.publish({ tone: GREEN.tone });
  const streams = await scene.api.streams(ann.participantId);
  const listed = streams.map(({ alias, mediaTypes }) => ({ alias, mediaTypes: [...mediaTypes].sort() }));
  assert.deepEqual(
    listed.sort((a, b) => b.mediaTypes.length - a.mediaTypes.length),
    [
      { alias: 'camera', mediaTypes: ['AUDIO', 'VIDEO'] },
      { alias: undefined, mediaTypes: ['AUDIO'] },
    ],
  );
});

test('who may publish audio alone sends no video', async (scene) => {
  const ann = await scene.join({ publish: ['AUDIO'] });
  const bob = await scene.join();
  const published = await ann.publish(RED);
  assert.deepEqual(published.mediaTypes, ['AUDIO']);
  const { tone, participantId, mediaTypes } = published;
  await receivesExactly(bob, [{ tone, participantId, mediaTypes }]);
  await throughout(NO_PACKETS_WINDOW_MS, async () => assert.equal((await ann.sentPackets()).video, 0));
  assert.ok((await ann.sentPackets()).audio > 0);
});

test('who may publish nothing sends nothing', async (scene) => {
  const ann = await scene.join({ publish: [] });
  const bob = await scene.join();
  const green = await bob.publish(GREEN);
  const { mediaTypes } = await ann.publish(RED);
  assert.deepEqual(mediaTypes.filter((type) => ['AUDIO', 'VIDEO'].includes(type)), []);
  await throughout(NO_PACKETS_WINDOW_MS, async () => {
    assert.deepEqual(await ann.sentPackets(), { audio: 0, video: 0 });
  });
  await Promise.all([receivesExactly(bob, []), receivesExactly(ann, [green])]);
});

test('unpublished and published again: the m-lines are used again', async (scene) => {
  const [ann, bob] = await scene.joinMany(2);
  let current = await ann.publish(RED);
  await comesToReceive(bob, [current]);
  const { publish: mLines } = await ann.mLineCounts();
  for (const source of [BLUE, GREEN, RED]) {
    await ann.unpublish(current);
    await comesToReceive(bob, []);
    current = await ann.publish(source);
    await comesToReceive(bob, [current]);
  }
  await receivesExactly(bob, [current]);
  assert.equal((await ann.mLineCounts()).publish, mLines);
});

test('unpublished: silence', async (scene) => {
  const [ann, bob] = await scene.joinMany(2);
  const red = await ann.publish({ ...RED, alias: 'camera' });
  const blue = await ann.publish({ ...BLUE, alias: 'screen' });
  await comesToReceive(bob, [red, blue]);
  await ann.unpublish(red);
  await receivesExactly(bob, [blue]);
  await ann.unpublish(blue);
  await receivesExactly(bob, []);
});

test('muted: the stream stays and is silent', async (scene) => {
  const [ann, bob] = await scene.joinMany(2);
  const red = await ann.publish(RED);
  await comesToReceive(bob, [red]);
  await receivesNothingBut(bob, [red], async () => {
    await ann.setMicEnabled(false);
    await receivesExactly(bob, [{ ...red, tone: undefined }]);
    await ann.setCameraEnabled(false);
    await receivesExactly(bob, [{ ...red, tone: undefined, colour: undefined }]);
    await ann.setMicEnabled(true);
    await ann.setCameraEnabled(true);
    await receivesExactly(bob, [red]);
  });
});

test('H.264 is forwarded as such', async (scene, context) => {
  const [ann, bob] = await scene.joinMany(2);
  if (!(await ann.canSendVideo(H264))) {
    context.skip('this Chromium cannot encode H.264');
    return;
  }
  const red = await ann.publish({ ...RED, videoCodec: H264 });
  await receivesExactly(bob, [red]);
  await until('bob to decode H.264', async () => (await bob.receivedCodecs()).includes(H264));
});

test('DTMF can be sent', async (scene) => {
  const [ann, bob] = await scene.joinMany(2);
  const red = await ann.publish(RED);
  await comesToReceive(bob, [red]);
  await ann.sendDtmf('1');
});
