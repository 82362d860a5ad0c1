/** The server is killed under a call and started again: with nobody reloading a page, everything is as it was. */
import assert from 'node:assert/strict';
import { only } from '../lib/api.mjs';
import { allSettle, callOfThree, timesBack } from '../lib/call.mjs';
import { hearsAndSeesExactly, receiveNothingBut } from '../lib/observe.mjs';
import { elapse } from '../lib/poll.mjs';
import { onStage } from '../lib/stage.mjs';

/** From the start of the process; what is aimed at is 5 s. */
const HEAL_DEADLINE_MS = 40_000;

const test = onStage();

for (const { what, pauseMs } of [
  { what: 'started again at once', pauseMs: 0 },
  { what: 'started again after 10 s', pauseMs: 10_000 },
]) {
  test(`killed, ${what}: everybody receives whom they did, and nobody else`, async (scene, context) => {
    const { receives, ann, bob, cid } = await callOfThree(scene);
    const before = await intent(scene);
    const sightings = await receiveNothingBut(receives, async () => {
      await scene.server.kill();
      await elapse(pauseMs);
      await scene.server.startAgain();
      assert.deepEqual(await intent(scene), before);
      await allSettle(receives, { deadlineMs: HEAL_DEADLINE_MS });
    });
    const { startedAt } = scene.server;
    context.diagnostic(timesBack(receives, sightings, { ann, bob, cid }, startedAt));
    assert.deepEqual(await intent(scene), before);
  });
}

test('killed: what was changed just before and just after holds', async (scene, context) => {
  const { ann, bob, cid, red, green, blue } = await callOfThree(scene);
  const { api, session, server } = scene;
  // Cid is removed before the first end; after the second, Cid is back to receive Ann, Bob receives Cid, and Ann nobody.
  await api.remove(session, cid.participantId);
  const allowed = new Map([
    [ann, [green, blue]],
    [bob, [red, blue]],
    [cid, [green, red]],
  ]);
  const removed = new Map([
    [ann, [green]],
    [bob, [red]],
    [cid, []],
  ]);
  await receiveNothingBut(allowed, async () => {
    await allSettle(removed);
    await server.kill();
    await receiveNothingBut(removed, async () => {
      await server.startAgain();
      await allSettle(removed, { deadlineMs: HEAL_DEADLINE_MS });
    });
  });
  await server.kill();
  await Promise.all([ann, bob, cid].map((device) => hearsAndSeesExactly(device, [])));
  const changed = new Map([
    [ann, []],
    [bob, [blue]],
    [cid, [red]],
  ]);
  await server.startAgain();
  await api.add(session, cid.participantId, only(ann));
  await api.putMatrix(session, { [ann.participantId]: {}, [bob.participantId]: only(cid) });
  const sightings = await receiveNothingBut(changed, () => allSettle(changed, { deadlineMs: HEAL_DEADLINE_MS }));
  context.diagnostic(timesBack(changed, sightings, { ann, bob, cid }, server.startedAt));
});

/** What applications asked for, as far as it can be read. */
async function intent({ api, session }) {
  const participants = (await api.members(session)).map(({ id }) => id).sort();
  return { participants, subscriptions: await api.matrix(session) };
}
