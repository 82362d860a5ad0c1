/** What a call goes through when its network goes away and comes back, with nobody reloading a page. */
import { allSettle, callOfThree, timesBack } from '../lib/call.mjs';
import { receiveNothingBut } from '../lib/observe.mjs';
import { elapse } from '../lib/poll.mjs';
import { onStage } from '../lib/stage.mjs';

/** From the network's return; the client's own timers are part of it. */
const HEAL_DEADLINE_MS = 30_000;

const test = onStage();

const CUTS = [
  { what: 'everybody, 20 s', whose: ({ ann, bob, cid }) => [ann, bob, cid], seconds: 20 },
  { what: 'one page, 20 s, then under other ports', whose: ({ bob }) => [bob], seconds: 20, newPorts: true },
];

for (const { what, whose, seconds, tcp, newPorts } of CUTS) {
  test(`without network: ${what}`, async (scene, context) => {
    const { receives, ...call } = await callOfThree(scene, { network: {} });
    const { ann, bob, cid } = call;
    let restoredAt;
    const sightings = await receiveNothingBut(receives, async () => {
      for (const { network } of whose(call)) network.cut({ tcp });
      await elapse(seconds * 1_000);
      for (const { network } of whose(call)) network.restore({ newPorts });
      restoredAt = Date.now();
      await allSettle(receives, { deadlineMs: HEAL_DEADLINE_MS });
    });
    context.diagnostic(timesBack(receives, sightings, { ann, bob, cid }, restoredAt));
  });
}
