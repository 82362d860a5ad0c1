/**
 * Measures a running whole, and prints it: how long a changed subscription and a new stream take until another page
 * shows them, and how much memory the server holds. Not a test: it asserts nothing.
 */
import { readFile } from 'node:fs/promises';
import { only } from './lib/api.mjs';
import { comesToReceive } from './lib/observe.mjs';
import { until } from './lib/poll.mjs';
import { connectSimulated } from './lib/simulated.mjs';
import { BLUE, GREEN, RED } from './lib/sources.mjs';
import { NONE, Stage } from './lib/stage.mjs';

const PICTURE = { width: 640, height: 360, framesPerSecond: 30 };
const SWITCHES = 20;
const PUBLICATIONS = 10;
const SIMULATED = 50;

const stage = await Stage.start();
try {
  await settledMemory(stage.server.pid);
  console.log(`resident memory with no devices: ${await residentKib(stage.server.pid)} KiB`);
  await connectSimulated(stage, SIMULATED);
  await settledMemory(stage.server.pid);
  console.log(
    `with ${SIMULATED} simulated devices, sessions of 10, no packets: ${await residentKib(stage.server.pid)} KiB`,
  );
  const { width, height, framesPerSecond } = PICTURE;
  console.log(`pictures: ${width}x${height}, ${framesPerSecond} frames per second, VP8`);
  report('answer of PUT subscriptions to the first frame of the new picture', await switchTimes());
  report("publish() of a new device to another page's first frame", await publishTimes());
  console.log(`resident memory after it: ${await residentKib(stage.server.pid)} KiB`);
} finally {
  await stage.stop();
}

async function switchTimes() {
  const scene = await stage.openScene();
  const [viewer, bob, cid] = await scene.joinMany(3, { subscriptions: NONE });
  const publications = [await bob.publish({ ...GREEN, ...PICTURE }), await cid.publish({ ...BLUE, ...PICTURE })];
  const show = (publication) =>
    scene.api.putSubscriptions(scene.session, viewer.participantId, only(publication));
  await show(publications[0]);
  await comesToReceive(viewer, [publications[0]]);

  const times = [];
  for (let change = 1; change <= SWITCHES; change += 1) {
    const next = publications[change % 2];
    const watch = await viewer.startWatching();
    await show(next);
    const answeredAt = now();
    times.push((await firstFrameAt(viewer, watch, next)) - answeredAt);
    await comesToReceive(viewer, [next]);
  }
  await scene.close();
  return times;
}

/** Each time with a device that has published nothing yet: connecting the media is part of it. */
async function publishTimes() {
  const scene = await stage.openScene();
  const viewer = await scene.join();
  const times = [];
  for (let run = 0; run < PUBLICATIONS; run += 1) {
    const publisher = await scene.join();
    const watch = await viewer.startWatching();
    const publication = await publisher.publish({ ...RED, ...PICTURE });
    times.push((await firstFrameAt(viewer, watch, publication)) - publication.calledAt);
    await publisher.disconnect();
    await comesToReceive(viewer, []);
    await scene.api.deleteParticipant(publisher.participantId);
    await publisher.closePage();
  }
  await scene.close();
  return times;
}

async function firstFrameAt(viewer, watch, { colour }) {
  return until(`the first ${colour} frame`, async () => (await viewer.watchedSoFar(watch)).colours[colour]);
}

function report(what, times) {
  const sorted = [...times].sort((a, b) => a - b);
  const median = (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
  console.log(`${what}: median ${median.toFixed(0)} ms, worst ${sorted.at(-1).toFixed(0)} ms, of ${times.length}`);
}

async function residentKib(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(status.match(/^VmRSS:\s+(\d+) kB/m)[1]);
}

/** Starting up touches memory; it is read once two readings agree. */
async function settledMemory(pid) {
  let last = 0;
  await until('the memory to settle', async () => {
    const before = last;
    last = await residentKib(pid);
    return last === before;
  });
}

function now() {
  return performance.timeOrigin + performance.now();
}
