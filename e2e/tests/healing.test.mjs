/** Calls that go on by themselves after the server was killed: no page is reloaded, no client is helped. */
import assert from 'node:assert/strict';
import { only } from '../lib/api.mjs';
import { comesToReceive, receivesExactly, receivesNothingBut } from '../lib/observe.mjs';
import { until } from '../lib/poll.mjs';
import { BLUE, GREEN, RED } from '../lib/sources.mjs';
import { NONE, onStage } from '../lib/stage.mjs';

/** The client's own timers: a second until it reconnects, and up to 2.7 s until it checks its paths. */
const HEALING_DEADLINE_MS = 40_000;

const test = onStage();

/** Otherwise the end of the old call would be taken for the beginning of the new one. */
async function fallsSilent(device) {
  await until('the device to hear nothing', async () => (await device.observe()).tones.length === 0);
}

test('after a kill everybody hears and sees whom they should, and nobody anybody else', async (scene, context) => {
  const [ann, bob, cid] = await scene.joinMany(3, { subscriptions: NONE });
  const red = await ann.publish(RED);
  const green = await bob.publish(GREEN);
  const blue = await cid.publish(BLUE);
  // Ann hears Bob, Bob hears Ann and Cid, Cid hears nobody.
  await scene.api.putSubscriptions(scene.session, ann.participantId, only(bob));
  await scene.api.putSubscriptions(scene.session, bob.participantId, only(ann, cid));
  await Promise.all([receivesExactly(ann, [green]), receivesExactly(bob, [red, blue])]);
  const before = await scene.api.matrix(scene.session);

  await receivesNothingBut(ann, [green], () =>
    receivesNothingBut(cid, [], async () => {
      await scene.server.kill();
      await Promise.all([ann, bob].map(fallsSilent));
      await scene.server.startAgain();
      const up = Date.now();
      const within = { deadlineMs: HEALING_DEADLINE_MS };
      const healed = async (name, device, publications) => {
        await comesToReceive(device, publications, within);
        context.diagnostic(`${name}: media is back ${Date.now() - up} ms after the server answers again`);
        await receivesExactly(device, publications);
      };
      await Promise.all([healed('ann', ann, [green]), healed('bob', bob, [red, blue])]);
      await receivesExactly(cid, []);
    }),
  );
  assert.deepEqual(await scene.api.matrix(scene.session), before);
});
