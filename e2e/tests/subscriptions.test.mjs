/** Who receives whom, as the application says and while it changes its mind. */
import assert from 'node:assert/strict';
import { only } from '../lib/api.mjs';
import { comesToKnow, comesToReceive, receivesExactly, receivesNothingBut } from '../lib/observe.mjs';
import { BLUE, GREEN, MAGENTA, RED, YELLOW } from '../lib/sources.mjs';
import { NONE, onStage } from '../lib/stage.mjs';

const CHANGES = 30;
/** After so many changes the pool of m-lines has its size. */
const CHANGES_UNTIL_STEADY = 6;

const test = onStage();

test('one way: one receives the other, not the other way round', async (scene) => {
  const [ann, bob] = await scene.joinMany(2, { subscriptions: NONE });
  await ann.publish(RED);
  const green = await bob.publish(GREEN);
  await scene.api.putSubscriptions(scene.session, ann.participantId, only(bob));
  await Promise.all([receivesExactly(ann, [green]), receivesExactly(bob, [])]);
});

test('an explicit list is exactly that', async (scene) => {
  const [ann, bob, cid, dee] = await scene.joinMany(4, { subscriptions: NONE });
  await bob.publish(GREEN);
  const blue = await cid.publish(BLUE);
  const yellow = await dee.publish(YELLOW);
  await scene.api.putSubscriptions(scene.session, ann.participantId, only(cid, dee));
  await Promise.all([receivesExactly(ann, [blue, yellow]), receivesExactly(bob, [])]);
});

test('by alias: one receives the camera, another the screen', async (scene) => {
  const [ann, bob, cid] = await scene.joinMany(3, { subscriptions: NONE });
  const camera = await ann.publish({ ...RED, alias: 'camera' });
  const screen = await ann.publish({ ...MAGENTA, alias: 'screen' });
  await scene.api.putSubscriptions(scene.session, bob.participantId, only(camera));
  await scene.api.putSubscriptions(scene.session, cid.participantId, only(screen));
  await Promise.all([receivesExactly(bob, [camera]), receivesExactly(cid, [screen])]);

  await receivesNothingBut(bob, [camera, screen], async () => {
    await scene.api.putSubscriptions(scene.session, bob.participantId, only(ann));
    await receivesExactly(bob, [camera, screen]);
  });
});

test('an alias that is not published yet starts with the stream', async (scene) => {
  const [ann, bob] = await scene.joinMany(2, { subscriptions: NONE });
  await scene.api.putSubscriptions(scene.session, bob.participantId, only({ ...ann, alias: 'screen' }));
  await ann.publish({ ...RED, alias: 'camera' });
  await receivesExactly(bob, []);
  const screen = await ann.publish({ ...MAGENTA, alias: 'screen' });
  await receivesExactly(bob, [screen]);
});

test('swapped during the call: never anything but the old and the new', async (scene) => {
  const [ann, bob, cid, dee] = await scene.joinMany(4, { subscriptions: NONE });
  const green = await bob.publish(GREEN);
  const blue = await cid.publish(BLUE);
  await dee.publish(YELLOW);
  await scene.api.putSubscriptions(scene.session, ann.participantId, only(bob));
  await receivesExactly(ann, [green]);
  await receivesNothingBut(ann, [green, blue], async () => {
    await scene.api.putSubscriptions(scene.session, ann.participantId, only(cid));
    await receivesExactly(ann, [blue]);
  });
});

test('cleared: silence', async (scene) => {
  const [ann, bob] = await scene.joinMany(2);
  const green = await bob.publish(GREEN);
  await comesToReceive(ann, [green]);
  await scene.api.putSubscriptions(scene.session, ann.participantId, undefined);
  await receivesExactly(ann, []);
  assert.deepEqual(await scene.api.subscriptions(scene.session, ann.participantId), {});
});

test('an explicit list whose last participant leaves does not widen', async (scene) => {
  const [ann, bob, cid] = await scene.joinMany(3, { subscriptions: NONE });
  const green = await bob.publish(GREEN);
  await cid.publish(BLUE);
  await scene.api.putSubscriptions(scene.session, ann.participantId, only(bob));
  await comesToReceive(ann, [green]);
  await receivesNothingBut(ann, [green], async () => {
    await scene.api.remove(scene.session, bob.participantId);
    await receivesExactly(ann, []);
    await scene.api.add(scene.session, bob.participantId);
    await receivesExactly(ann, [green]);
  });
});

test('an explicit list whose last participant is deleted does not widen', async (scene) => {
  const [ann, bob, cid] = await scene.joinMany(3, { subscriptions: NONE });
  const green = await bob.publish(GREEN);
  await cid.publish(BLUE);
  await scene.api.putSubscriptions(scene.session, ann.participantId, only(bob));
  await comesToReceive(ann, [green]);
  await receivesNothingBut(ann, [green], async () => {
    await scene.api.deleteParticipant(bob.participantId);
    await receivesExactly(ann, []);
  });
});

test('whisper: the agent hears caller and coach, the caller hears the agent alone', async (scene) => {
  const [caller, agent, coach] = await scene.joinMany(3, { publish: ['AUDIO'], subscriptions: NONE });
  const callerVoice = await caller.publish({ tone: RED.tone });
  const agentVoice = await agent.publish({ tone: GREEN.tone });
  const coachVoice = await coach.publish({ tone: BLUE.tone });
  const { session } = scene;
  await receivesNothingBut(caller, [agentVoice], async () => {
    await scene.api.putSubscriptions(session, caller.participantId, only(agent));
    await scene.api.putSubscriptions(session, agent.participantId, only(caller, coach));
    await scene.api.putSubscriptions(session, coach.participantId, only(caller, agent));
    await Promise.all([
      receivesExactly(caller, [agentVoice]),
      receivesExactly(agent, [callerVoice, coachVoice]),
      receivesExactly(coach, [callerVoice, agentVoice]),
    ]);
  });
});

test('a whole matrix is replaced in one step', async (scene) => {
  const [ann, bob, cid, dee] = await scene.joinMany(4, { subscriptions: NONE });
  const { api, session } = scene;
  const red = await ann.publish(RED);
  const green = await bob.publish(GREEN);
  const blue = await cid.publish(BLUE);
  const yellow = await dee.publish(YELLOW);
  await api.putMatrix(session, { [ann.participantId]: only(bob), [bob.participantId]: only(cid) });
  await Promise.all([
    receivesExactly(ann, [green]),
    receivesExactly(bob, [blue]),
    receivesExactly(cid, []),
    receivesExactly(dee, []),
  ]);

  await receivesNothingBut(ann, [green, yellow], () =>
    receivesNothingBut(bob, [blue, red], async () => {
      await api.putMatrix(session, {
        [ann.participantId]: only(dee),
        [bob.participantId]: only(ann),
        [cid.participantId]: only(dee),
        [dee.participantId]: NONE,
      });
      await Promise.all([
        receivesExactly(ann, [yellow]),
        receivesExactly(bob, [red]),
        receivesExactly(cid, [yellow]),
        receivesExactly(dee, []),
      ]);
    }),
  );
});

test('a matrix with one bad entry changes nothing', async (scene) => {
  const [ann, bob, cid] = await scene.joinMany(3, { subscriptions: NONE });
  const { api, session } = scene;
  const green = await bob.publish(GREEN);
  await cid.publish(BLUE);
  await api.putSubscriptions(session, ann.participantId, only(bob));
  await comesToReceive(ann, [green]);
  const before = await api.matrix(session);
  await receivesNothingBut(ann, [green], async () => {
    const { status } = await api.attempt('PUT', `/sessions/${session}/subscriptions`, {
      [ann.participantId]: only(cid),
      'no-such-participant': only(cid),
    });
    assert.equal(status, 400);
    await receivesExactly(ann, [green]);
  });
  assert.deepEqual(await api.matrix(session), before);
});

test('moved to another session without reconnecting', async (scene) => {
  const { api, session } = scene;
  const { id: otherSession } = await api.createSession();
  const [ann, bob] = await scene.joinMany(2);
  const cid = await scene.join();
  await api.remove(session, cid.participantId);
  await api.add(otherSession, cid.participantId, { sessionId: otherSession });
  const red = await ann.publish(RED);
  const green = await bob.publish(GREEN);
  const blue = await cid.publish(BLUE);
  await Promise.all([comesToReceive(ann, [green]), comesToReceive(bob, [red]), comesToReceive(cid, [])]);
  const offersBefore = await ann.sentCount('offerSdp');

  await receivesNothingBut(ann, [green, blue], () =>
    receivesNothingBut(cid, [red], async () => {
      await api.remove(session, ann.participantId);
      await api.add(otherSession, ann.participantId, { sessionId: otherSession });
      await Promise.all([receivesExactly(ann, [blue]), receivesExactly(bob, []), receivesExactly(cid, [red])]);
    }),
  );
  assert.deepEqual(await ann.sockets(), [{ open: true, closeCode: null }]);
  assert.equal(await ann.sentCount('offerSdp'), offersBefore, 'the published stream stays up without a new offer');
});

test('m-lines are used again: many changes do not grow the description', async (scene) => {
  const [ann, bob, cid] = await scene.joinMany(3, { subscriptions: NONE });
  const green = await bob.publish(GREEN);
  const blue = await cid.publish(BLUE);
  const steps = [[green], [blue], [], [green, blue]];
  let steadyCount;
  for (let change = 1; change <= CHANGES; change += 1) {
    const wanted = steps[change % steps.length];
    await scene.api.putSubscriptions(scene.session, ann.participantId, wanted.length > 0 ? only(...wanted) : NONE);
    await comesToKnow(ann, wanted);
    if (change === CHANGES_UNTIL_STEADY) steadyCount = (await ann.mLineCounts()).subscribe;
  }
  await receivesExactly(ann, steps[CHANGES % steps.length]);
  assert.equal((await ann.mLineCounts()).subscribe, steadyCount);
});
