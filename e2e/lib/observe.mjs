/**
 * What a device receives, compared with what it should, for a while: a leak that comes late, or only for a moment,
 * fails the test as much as one that stays.
 */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { DEADLINE_MS, holds, throughout, until } from './poll.mjs';

const STEADY_MS = 1_500;

/**
 * The device receives exactly these publications, each from its participant, under its alias, with its tone and colour,
 * and nothing else reaches its ears and eyes. It gets there before the deadline, and then it stays so.
 * @param {import('./device.mjs').Device} device
 * @param {import('./device.mjs').Publication[]} publications
 */
export async function receivesExactly(device, publications, { deadlineMs = DEADLINE_MS } = {}) {
  const expected = expectationOf(publications);
  await steadily(device, expected, everythingIn, deadlineMs);
}

/**
 * As `receivesExactly`, for after a breakdown: what is left over from before may come and go until the deadline. So this
 * alone does not notice a leak: see `receiveNothingBut`.
 */
export async function settlesOn(device, publications, { deadlineMs = DEADLINE_MS } = {}) {
  const expected = expectationOf(publications);
  const [deadline, matches] = [performance.now() + deadlineMs, matching(device, expected, everythingIn)];
  do {
    await becomes(device, expected, everythingIn, Math.max(0, deadline - performance.now()));
  } while (!(await holds(STEADY_MS, matches)));
}

/** As `receivesExactly`, by ear and eye alone: for when signaling cannot announce what media already shows. */
export async function hearsAndSeesExactly(device, publications, { deadlineMs = DEADLINE_MS } = {}) {
  const { tones, colours } = expectationOf(publications);
  await steadily(device, { tones, colours }, sensesIn, deadlineMs);
}

/** Gets there, without the steady window: for the steps of a longer change. */
export async function comesToReceive(device, publications, { deadlineMs = DEADLINE_MS } = {}) {
  const expected = expectationOf(publications);
  await becomes(device, expected, everythingIn, deadlineMs);
}

/** Has exactly these publications announced, without waiting for sound and picture: for many changes in a row. */
export async function comesToKnow(device, publications) {
  const participants = (streams) => streams.map(({ participantId }) => participantId).sort();
  const known = (observation) => participants(observation.streams);
  await becomes(device, participants(publications), known, DEADLINE_MS);
}

/** Runs `change`, and fails when the device hears or sees anything but these publications at any moment of it. */
export async function receivesNothingBut(device, publications, change) {
  const watch = await device.startWatching();
  await change();
  await assertWatched(device, watch, expectationOf(publications));
}

/**
 * As `receivesNothingBut`, for many devices at once.
 * @param {Map<import('./device.mjs').Device, import('./device.mjs').Publication[]>} allowed
 * @returns {Promise<Map<import('./device.mjs').Device, [number | string, number][]>>} what each device heard and saw
 */
export async function receiveNothingBut(allowed, change) {
  const devices = [...allowed.keys()];
  const watches = await Promise.all(devices.map((device) => device.startWatching()));
  await change();
  const sightings = new Map();
  for (const [index, device] of devices.entries()) {
    await assertWatched(device, watches[index], expectationOf(allowed.get(device)));
    sightings.set(device, await device.sightings(watches[index]));
  }
  return sightings;
}

async function steadily(device, expected, view, deadlineMs) {
  await becomes(device, expected, view, deadlineMs);
  const watch = await device.startWatching();
  await throughout(STEADY_MS, async () => {
    assert.deepEqual(view(await device.observe()), expected, 'what the device receives did not stay as expected');
  });
  await assertWatched(device, watch, expected);
}

async function becomes(device, expected, view, deadlineMs) {
  const matches = matching(device, expected, view);
  const describe = () => matches.last;
  await until(`the device to receive ${JSON.stringify(expected)}`, matches, { deadlineMs, describe });
}

/** @returns {(() => Promise<boolean>) & {last?: object}} `last`: what was there instead */
function matching(device, expected, view) {
  const matches = async () => {
    matches.last = view(await device.observe());
    return isDeepStrictEqual(matches.last, expected);
  };
  return matches;
}

async function assertWatched(device, watch, { tones, colours }) {
  const watched = await device.watchedSoFar(watch);
  const leaks = {
    tones: Object.keys(watched.tones).filter((tone) => !tones.includes(Number(tone))),
    colours: Object.keys(watched.colours).filter((colour) => !colours.includes(colour)),
  };
  assert.deepEqual(leaks, { tones: [], colours: [] }, 'the device received what it must not, if only for a moment');
}

function expectationOf(publications) {
  const present = (values) => [...new Set(values.filter((value) => value !== undefined))];
  return {
    streams: sorted(
      publications.map(({ participantId, alias, mediaTypes, tone, colour }) => ({
        participantId,
        alias: alias ?? null,
        mediaTypes: [...mediaTypes].sort(),
        tones: tone === undefined ? [] : [tone],
        colour: colour ?? null,
      })),
    ),
    tones: present(publications.map(({ tone }) => tone)).sort((a, b) => a - b),
    colours: present(publications.map(({ colour }) => colour)).sort(),
  };
}

function everythingIn(observation) {
  return { streams: streamsIn(observation), ...sensesIn(observation) };
}

function streamsIn({ streams }) {
  return sorted(
    streams.map(({ participantId, alias, mediaTypes, tones, colour }) => ({
      participantId,
      alias: alias ?? null,
      mediaTypes: [...(mediaTypes ?? [])].sort(),
      tones,
      colour,
    })),
  );
}

function sensesIn({ tones, colours }) {
  return { tones, colours };
}

function sorted(streams) {
  return streams.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}
