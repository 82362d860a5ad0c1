/** Who is in a session, and who leaves it, by any way out. */
import assert from 'node:assert/strict';
import { comesToReceive, hearsAndSeesExactly, receivesExactly } from '../lib/observe.mjs';
import { throughout, until } from '../lib/poll.mjs';
import { BLUE, GREEN, RED, YELLOW } from '../lib/sources.mjs';
import { NONE, onStage } from '../lib/stage.mjs';

/** A closed page says nothing; that its device is gone may be found out by ICE consent, which expires after 30 s. */
const LOSS_DEADLINE_MS = 45_000;
/** The client tries to reconnect after 1 s. */
const NO_RECONNECT_WINDOW_MS = 3_000;

const test = onStage();

test('everybody in one session receives exactly the others', async (scene) => {
  const [ann, bob, cid] = await scene.joinMany(3);
  const red = await ann.publish(RED);
  const green = await bob.publish(GREEN);
  const blue = await cid.publish(BLUE);
  await Promise.all([
    receivesExactly(ann, [green, blue]),
    receivesExactly(bob, [red, blue]),
    receivesExactly(cid, [red, green]),
  ]);
  assert.deepEqual(await ann.transportProtocols(), ['udp', 'udp'], 'TCP is for those whom UDP does not reach');
});

test('each stream is announced once, with its audio and video together', async (scene) => {
  const [ann, bob] = await scene.joinMany(2);
  const red = await ann.publish(RED);
  await receivesExactly(bob, [red]);
  const { streams } = await bob.observe();
  assert.deepEqual(streams.map(({ announced }) => announced), [1]);
});

test('a late joiner receives what was published before', async (scene) => {
  const [ann, bob] = await scene.joinMany(2);
  const red = await ann.publish(RED);
  const green = await bob.publish(GREEN);
  await comesToReceive(ann, [green]);
  const cid = await scene.join();
  const blue = await cid.publish(BLUE);
  await Promise.all([
    receivesExactly(cid, [red, green]),
    receivesExactly(ann, [green, blue]),
    receivesExactly(bob, [red, blue]),
  ]);
});

test('a removed participant neither receives nor is received', async (scene) => {
  const [ann, bob, cid] = await scene.joinMany(3);
  const red = await ann.publish(RED);
  const green = await bob.publish(GREEN);
  const blue = await cid.publish(BLUE);
  await comesToReceive(cid, [red, green]);
  await scene.api.remove(scene.session, cid.participantId);
  await Promise.all([
    receivesExactly(ann, [green]),
    receivesExactly(bob, [red]),
    receivesExactly(cid, []),
  ]);
  assert.equal((await scene.api.streams(cid.participantId)).length, 1, 'the removed one stays connected and publishes');

  await scene.api.add(scene.session, cid.participantId, { sessionId: scene.session });
  await Promise.all([receivesExactly(ann, [green, blue]), receivesExactly(cid, [red, green])]);
});

test('a deleted session silences everybody', async (scene) => {
  const [ann, bob] = await scene.joinMany(2);
  const red = await ann.publish(RED);
  const green = await bob.publish(GREEN);
  await Promise.all([comesToReceive(ann, [green]), comesToReceive(bob, [red])]);
  await scene.api.deleteSession(scene.session);
  await Promise.all([receivesExactly(ann, []), receivesExactly(bob, [])]);
});

test('a disconnected device is gone for the others', async (scene) => {
  const [ann, bob] = await scene.joinMany(2);
  const red = await ann.publish(RED);
  await comesToReceive(bob, [red]);
  await ann.disconnect();
  await receivesExactly(bob, []);
  assert.deepEqual(await scene.api.streams(ann.participantId), []);
});

test('a closed page is gone for the others', async (scene) => {
  const [ann, bob, cid] = await scene.joinMany(3);
  const red = await ann.publish(RED);
  const green = await bob.publish(GREEN);
  await comesToReceive(cid, [red, green]);
  await ann.closePage();
  await hearsAndSeesExactly(cid, [green]);
  await Promise.all([
    receivesExactly(bob, [], { deadlineMs: LOSS_DEADLINE_MS }),
    receivesExactly(cid, [green], { deadlineMs: LOSS_DEADLINE_MS }),
  ]);
});

test('a deleted participant is closed with 1000 and does not come back', async (scene) => {
  const [ann, bob] = await scene.joinMany(2);
  const red = await ann.publish(RED);
  const green = await bob.publish(GREEN);
  await Promise.all([comesToReceive(ann, [green]), comesToReceive(bob, [red])]);
  await scene.api.deleteParticipant(ann.participantId);
  await until('the socket to be closed', async () => (await ann.sockets())[0].closeCode !== null);
  await throughout(NO_RECONNECT_WINDOW_MS, async () => {
    assert.deepEqual(await ann.sockets(), [{ open: false, closeCode: 1000 }]);
  });
  await Promise.all([hearsAndSeesExactly(ann, []), receivesExactly(bob, [])]);
});

test('two sessions do not mix', async (scene) => {
  const { id: otherSession } = await scene.api.createSession();
  const [ann, bob] = await scene.joinMany(2);
  const [cid, dee] = await scene.joinMany(2, { subscriptions: NONE });
  for (const { participantId } of [cid, dee]) {
    await scene.api.remove(scene.session, participantId);
    await scene.api.add(otherSession, participantId, { sessionId: otherSession });
  }
  const red = await ann.publish(RED);
  const green = await bob.publish(GREEN);
  const blue = await cid.publish(BLUE);
  const yellow = await dee.publish(YELLOW);
  await Promise.all([
    receivesExactly(ann, [green]),
    receivesExactly(bob, [red]),
    receivesExactly(cid, [yellow]),
    receivesExactly(dee, [blue]),
  ]);
});
