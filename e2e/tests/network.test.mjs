/** What calls go through when their networks go away and come back, with nobody reloading a page. */
import { allSettle, callOfThree, timesBack } from '../lib/call.mjs';
import { receiveNothingBut } from '../lib/observe.mjs';
import { elapse } from '../lib/poll.mjs';
import { onStage } from '../lib/stage.mjs';

/** From the network's return; the client's own second until it reconnects is part of it. */
const HEAL_DEADLINE_MS = 15_000;

const test = onStage();

/**
 * `reset`: the interface went away, and the browser knows; the client then gives its publishing up for good after 16 s,
 * unless it is called back. Otherwise WebSockets stand still until the server drops them.
 */
const CUTS = [
  { what: 'one page, 20 s, then under other ports', seconds: 20, whose: ({ cid }) => [cid], newPorts: true },
  { what: 'everybody, 20 s, WebSockets reset', seconds: 20, whose: ({ ann, bob, cid }) => [ann, bob, cid], tcp: 'reset' },
];

for (const { what, seconds, whose, tcp, newPorts } of CUTS) {
  test(`without network: ${what}`, async (scene, context) => {
    const { receives, ...call } = await callOfThree(scene, { network: {} });
    const { ann, bob, cid } = call;
    const networks = whose(call).map(({ network }) => network);
    let restoredAt;
    const sightings = await receiveNothingBut(receives, async () => {
      for (const network of networks) network.cut({ tcp });
      await elapse(seconds * 1_000);
      for (const network of networks) network.restore({ newPorts });
      restoredAt = Date.now();
      await allSettle(receives, { deadlineMs: HEAL_DEADLINE_MS });
    });
    context.diagnostic(timesBack(receives, sightings, { ann, bob, cid }, restoredAt));
  });
}
