/** Many random changes in a row: what is received is what the rules say, and what they forbid stops at once. */
import assert from 'node:assert/strict';
import { comesToReceive } from '../lib/observe.mjs';
import { elapse } from '../lib/poll.mjs';
import { BLUE, GREEN, RED } from '../lib/sources.mjs';
import { NONE, onStage } from '../lib/stage.mjs';
import { Walk } from '../lib/walk.mjs';

const SEED = Number(process.env.WALK_SEED ?? Date.now() % 1_000_000);
const WALK_MS = 20_000;
const STEP_EVERY_MS = 300;
const STEPS_UNTIL_COMPARED = 5;
/**
 * How long after the server's answer a page may still show what is forbidden since: the network (1 ms here), what the
 * jitter buffer holds and draws out over the gap, and the windows of the page's ears (85 ms + 40 ms). Measured: 115 ms; the
 * rest is for a busy machine.
 */
const PROPAGATION_MS = 500;

const test = onStage();

test(`a random walk of ${WALK_MS / 1_000} s, seed ${SEED}`, async (scene, context) => {
  const devices = await scene.joinMany(3, { subscriptions: NONE });
  const published = await Promise.all([RED, GREEN, BLUE].map((source, index) => devices[index].publish(source)));
  const ids = devices.map(({ participantId }) => participantId);
  const walk = new Walk(SEED, scene, ids);
  const expected = ({ participantId }) =>
    walk.receivedBy(participantId).map((id) => published.find((publication) => publication.participantId === id));

  const watches = await Promise.all(devices.map((device) => device.startWatching()));
  const ledgers = new Map(devices.map((device) => [device, new Ledger(published)]));
  const steps = [];
  const end = performance.now() + WALK_MS;
  while (performance.now() < end) {
    const askedAt = Date.now();
    steps.push(await walk.step());
    const answeredAt = Date.now();
    for (const device of devices) ledgers.get(device).note(expected(device), askedAt, answeredAt);
    if (steps.length % STEPS_UNTIL_COMPARED > 0) {
      await elapse(STEP_EVERY_MS);
      continue;
    }
    await Promise.all(devices.map((device) => comesToReceive(device, expected(device)))).catch((error) => {
      throw new Error(`after the steps\n${steps.slice(-STEPS_UNTIL_COMPARED).join('\n')}`, { cause: error });
    });
  }

  const late = [];
  for (const [index, device] of devices.entries()) {
    late.push(...ledgers.get(device).lateness(await device.sightings(watches[index])));
  }
  const worst = Math.max(0, ...late.map(({ afterMs }) => afterMs));
  context.diagnostic(`${steps.length} steps; what was forbidden was there for at most ${worst.toFixed(0)} ms more`);
  assert.deepEqual(late.filter(({ afterMs }) => afterMs > PROPAGATION_MS), []);
});

/** Since when, and until when, each tone and colour was forbidden to one device. */
class Ledger {
  /** Tone or colour → times at which it was allowed or forbidden, oldest first. */
  #turns = new Map();
  #published;

  constructor(published) {
    this.#published = published;
    for (const { tone, colour } of published) {
      for (const what of [tone, colour]) this.#turns.set(what, [{ allowed: false, at: 0 }]);
    }
  }

  /** An allowance counts from the question on, a ban from the answer on. */
  note(expected, askedAt, answeredAt) {
    for (const publication of this.#published) {
      const allowed = expected.includes(publication);
      for (const what of [publication.tone, publication.colour]) {
        const turns = this.#turns.get(what);
        if (turns.at(-1).allowed !== allowed) turns.push({ allowed, at: allowed ? askedAt : answeredAt });
      }
    }
  }

  /** Every sighting of what was forbidden, with the time that had passed since. */
  lateness(sightings) {
    return sightings.flatMap(([what, at]) => {
      const turn = this.#turns.get(what).findLast((turn) => turn.at <= at);
      return turn.allowed ? [] : [{ what, afterMs: at - turn.at }];
    });
  }
}
