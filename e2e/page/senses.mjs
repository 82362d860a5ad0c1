/**
 * What the page hears and sees. Three views of it:
 * - now, over everything received: `heard()`, `seen()`;
 * - now, of given tracks: `heardOn()`, `seenOn()`;
 * - everything since a `startWatching()`, with the first time of each, or with every time: no frame and no 40 ms of sound
 *   are missed. Watches are independent of each other, so that one may run inside another.
 */
import { onRemoteTrack } from './connections.mjs';
import { now } from './clock.mjs';
import { colourOf, coloursInSight, lookAt, onFrame } from './pictures.mjs';
import { listenTo, tonesInMix, tonesOf } from './tones.mjs';

/** Less than half of the analysers' window (85 ms): windows overlap. */
const SAMPLE_EVERY_MS = 40;
/** A dropout of the decoder on a busy machine is no silence. To notice a tone takes no such time. */
const TONE_HOLD_MS = 1_000;

/** Tone → when it was last heard; for the mix, and for each track. @type {Map<number, number>} */
const mixHeardAt = new Map();
/** @type {Map<MediaStreamTrack, Map<number, number>>} */
const trackHeardAt = new Map();

/**
 * By number. `sightings` are all of them, in their order.
 * @type {{tones: Record<string, number>, colours: Record<string, number>, sightings: [number | string, number][]}[]}
 */
const watches = [];

onRemoteTrack((track) => {
  if (track.kind === 'video') {
    lookAt(track);
  } else {
    listenTo(track);
    if (!trackHeardAt.has(track)) trackHeardAt.set(track, new Map());
  }
});

onFrame((colour, at) => {
  for (const watch of watches) note(watch, watch.colours, colour, at);
});

setInterval(() => {
  const at = now();
  for (const tone of tonesInMix()) {
    mixHeardAt.set(tone, at);
    for (const watch of watches) note(watch, watch.tones, tone, at);
  }
  for (const [track, heardAt] of trackHeardAt) {
    for (const tone of tonesOf(track)) heardAt.set(tone, at);
  }
}, SAMPLE_EVERY_MS);

export function heard() {
  return stillHeard(mixHeardAt);
}

export function seen() {
  return coloursInSight().sort();
}

/** @param {MediaStreamTrack[]} tracks */
export function heardOn(tracks) {
  const tones = tracks.flatMap((track) => stillHeard(trackHeardAt.get(track) ?? new Map()));
  return [...new Set(tones)].sort((a, b) => a - b);
}

/** @param {MediaStreamTrack[]} tracks */
export function seenOn(tracks) {
  return tracks.map(colourOf).find((colour) => colour !== null) ?? null;
}

/** @returns {number} the number of the watch */
export function startWatching() {
  return watches.push({ tones: {}, colours: {}, sightings: [] }) - 1;
}

/** Tones and colours since the start of this watch, each with the time of the first. */
export function watchedSoFar(watch) {
  const { tones, colours } = watches[watch];
  return { tones, colours };
}

/** Every tone and colour since the start of this watch, with its time. */
export function sightings(watch) {
  return watches[watch].sightings;
}

function note({ sightings }, first, what, at) {
  first[what] ??= at;
  sightings.push([what, at]);
}

function stillHeard(heardAt) {
  const since = now() - TONE_HOLD_MS;
  return [...heardAt].filter(([, at]) => at > since).map(([tone]) => tone).sort((a, b) => a - b);
}
