/** What a device goes through when its signaling is lost, or taken over. */
import assert from 'node:assert/strict';
import { only } from '../lib/api.mjs';
import { comesToReceive, hearsAndSeesExactly, receivesExactly, receivesNothingBut } from '../lib/observe.mjs';
import { throughout, until } from '../lib/poll.mjs';
import { BLUE, GREEN, RED } from '../lib/sources.mjs';
import { NONE, onStage } from '../lib/stage.mjs';

const CUT_MS = 5_000;
/** The client tries to reconnect after 1 s. */
const NO_RECONNECT_WINDOW_MS = 3_000;

const test = onStage();

test('media goes on while the WebSocket is cut for 5 s, in both directions', async (scene) => {
  const [ann, bob] = await scene.joinMany(2);
  const red = await ann.publish(RED);
  const green = await bob.publish(GREEN);
  await Promise.all([receivesExactly(ann, [green]), receivesExactly(bob, [red])]);

  await receivesNothingBut(bob, [red], async () => {
    await ann.cutSignaling();
    await throughout(CUT_MS, async () => {
      const [atAnn, atBob] = await Promise.all([ann.observe(), bob.observe()]);
      assert.deepEqual([atAnn.tones, atAnn.colours], [[GREEN.tone], [GREEN.colour]]);
      assert.deepEqual([atBob.tones, atBob.colours], [[RED.tone], [RED.colour]]);
    });
    assert.ok((await ann.blockedAttempts()) > 0, 'the client tried to reconnect, and was kept from it');
    await ann.restoreSignaling();
    await reconnected(ann);
    await Promise.all([receivesExactly(ann, [green]), receivesExactly(bob, [red])]);
  });
});

test('a subscription changed during the cut acts at once, and is announced after the reconnect', async (scene) => {
  const [ann, bob, cid] = await scene.joinMany(3, { subscriptions: NONE });
  const green = await bob.publish(GREEN);
  const blue = await cid.publish(BLUE);
  await scene.api.putSubscriptions(scene.session, ann.participantId, only(bob));
  await receivesExactly(ann, [green]);

  await receivesNothingBut(ann, [green, blue], async () => {
    await ann.cutSignaling();
    await scene.api.putSubscriptions(scene.session, ann.participantId, only(cid));
    await hearsAndSeesExactly(ann, []);
    await ann.restoreSignaling();
    await receivesExactly(ann, [blue]);
  });
});

test('what was published during the cut arrives after it', async (scene) => {
  const [ann, bob] = await scene.joinMany(2);
  await ann.publish(RED);
  await ann.cutSignaling();
  const green = await bob.publish(GREEN);
  await ann.restoreSignaling();
  await receivesExactly(ann, [green]);
});

test('a call that was pending when the socket dropped is answered on the next one', async (scene) => {
  const [ann, bob] = await scene.joinMany(2);
  const red = await ann.publish(RED);
  await comesToReceive(bob, [red]);
  await ann.cutSignalingAfterSending('offerSdp');
  const publishing = ann.publish({ ...BLUE, alias: 'screen' });
  await until('the socket to drop behind the call', async () => (await ann.sockets())[0].closeCode !== null);
  await ann.restoreSignaling();
  const blue = await publishing;
  await receivesExactly(bob, [red, blue]);
});

test('a second device with the same token replaces the first', async (scene) => {
  const bob = await scene.join();
  const { participant, token } = await scene.api.createParticipant({ publishPermissions: ['AUDIO', 'VIDEO'] });
  await scene.api.add(scene.session, participant.id, { sessionId: scene.session });
  const first = await scene.connect(participant.id, token);
  const red = await first.publish(RED);
  const green = await bob.publish(GREEN);
  await Promise.all([comesToReceive(bob, [red]), comesToReceive(first, [green])]);

  const second = await scene.connect(participant.id, token);
  await until('the first socket to be closed', async () => (await first.sockets())[0].closeCode !== null);
  await throughout(NO_RECONNECT_WINDOW_MS, async () => {
    assert.deepEqual(await first.sockets(), [{ open: false, closeCode: 1000 }]);
  });
  await Promise.all([
    hearsAndSeesExactly(first, []),
    receivesExactly(second, [green]),
    receivesExactly(bob, []),
  ]);
  const blue = await second.publish(BLUE);
  await receivesExactly(bob, [blue]);
});

async function reconnected(device) {
  await until('the device to reconnect', async () => (await device.sockets()).at(-1).open);
}
