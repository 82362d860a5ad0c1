/** Media where UDP does not get through. */
import assert from 'node:assert/strict';
import { only } from '../lib/api.mjs';
import { receivesExactly, receivesNothingBut } from '../lib/observe.mjs';
import { BLUE, GREEN, RED } from '../lib/sources.mjs';
import { NONE, onStage } from '../lib/stage.mjs';

const test = onStage({ browserFlags: ['--webrtc-ip-handling-policy=disable_non_proxied_udp'] });

test('a browser that may not use UDP hears and sees over TCP, and follows a change', async (scene) => {
  const [ann, bob, cid] = await scene.joinMany(3, { subscriptions: NONE });
  const red = await ann.publish(RED);
  const green = await bob.publish(GREEN);
  await cid.publish(BLUE);
  await scene.api.putSubscriptions(scene.session, cid.participantId, only(ann));
  await receivesExactly(cid, [red]);
  assert.deepEqual(await cid.transportProtocols(), ['tcp', 'tcp']);
  assert.deepEqual(new Set(await ann.transportProtocols()), new Set(['tcp']));

  await receivesNothingBut(cid, [red, green], async () => {
    await scene.api.putSubscriptions(scene.session, cid.participantId, only(bob));
    await receivesExactly(cid, [green]);
  });
  await receivesExactly(ann, []);
});
