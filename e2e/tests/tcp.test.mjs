/** Where UDP does not get through, media goes over TCP. */
import assert from 'node:assert/strict';
import { receivesExactly } from '../lib/observe.mjs';
import { GREEN, RED } from '../lib/sources.mjs';
import { onStage } from '../lib/stage.mjs';

const test = onStage();

test('UDP is blocked: two pages hear and see each other over TCP', async (scene) => {
  const [ann, bob] = await scene.joinMany(2, { network: { udp: false } });
  const red = await ann.publish(RED);
  const green = await bob.publish(GREEN);
  await Promise.all([receivesExactly(ann, [green]), receivesExactly(bob, [red])]);
  for (const device of [ann, bob]) assert.deepEqual(await device.protocolsInUse(), ['tcp', 'tcp']);
});

test('UDP is blocked for one of two', async (scene) => {
  const ann = await scene.join({ network: { udp: false } });
  const bob = await scene.join();
  const red = await ann.publish(RED);
  const green = await bob.publish(GREEN);
  await Promise.all([receivesExactly(ann, [green]), receivesExactly(bob, [red])]);
  assert.deepEqual(await ann.protocolsInUse(), ['tcp', 'tcp']);
  assert.deepEqual(await bob.protocolsInUse(), ['udp', 'udp']);
});
