/**
 * A call of three in which not everybody receives everybody, and what it went through: who was back when.
 *
 * Ann receives Bob and Cid, Bob receives Ann, Cid receives Bob.
 */
import { only } from './api.mjs';
import { receivesExactly, settlesOn } from './observe.mjs';
import { BLUE, GREEN, RED } from './sources.mjs';
import { NONE } from './stage.mjs';

/**
 * @param {import('./stage.mjs').Scene} scene
 * @param {{network?: object}} [options]  see `Scene.join`
 */
export async function callOfThree(scene, options) {
  const [ann, bob, cid] = await scene.joinMany(3, { subscriptions: NONE, ...options });
  const [red, green, blue] = await Promise.all([ann.publish(RED), bob.publish(GREEN), cid.publish(BLUE)]);
  await scene.api.putMatrix(scene.session, {
    [ann.participantId]: only(bob, cid),
    [bob.participantId]: only(ann),
    [cid.participantId]: only(bob),
  });
  const receives = new Map([
    [ann, [green, blue]],
    [bob, [red]],
    [cid, [green]],
  ]);
  await Promise.all([...receives].map(([device, publications]) => receivesExactly(device, publications)));
  return { ann, bob, cid, red, green, blue, receives };
}

/** After a breakdown, everybody comes to receive exactly what they should. */
export async function allSettle(receives, options) {
  await Promise.all([...receives].map(([device, publications]) => settlesOn(device, publications, options)));
}

/** A pause of this length ends what was there; shorter ones come from a busy machine. */
const BREAK_MS = 1_000;

/**
 * Seconds from `start` until sound and picture were back: of each publisher for anybody, of each receiver from anybody.
 * @param {Map<object, object[]>} receives @param {Map<object, [number | string, number][]>} sightings
 * @param {Record<string, object>} devices  by name
 * @returns {string} in words
 */
export function timesBack(receives, sightings, devices, start) {
  const pairs = [...receives].flatMap(([receiver, publications]) =>
    publications.map(({ participantId, tone, colour }) => {
      const since = Math.max(...[tone, colour].map((what) => thereSince(sightings.get(receiver), what)));
      return { publisher: participantId, receiver: receiver.participantId, since };
    }),
  );
  const back = (role, { participantId }) => {
    const since = Math.min(...pairs.filter((pair) => pair[role] === participantId).map((pair) => pair.since));
    return since < start ? 'never away' : `after ${((since - start) / 1_000).toFixed(1)} s`;
  };
  return Object.entries(devices)
    .map(([name, device]) => `${name} is received ${back('publisher', device)}, receives ${back('receiver', device)}`)
    .join('; ');
}

/** The time since when it is there without a break. */
function thereSince(sightings, what) {
  const times = sightings.filter(([sighted]) => sighted === what).map(([, at]) => at);
  return times.findLast((at, index) => index === 0 || at - times[index - 1] > BREAK_MS) ?? Infinity;
}
