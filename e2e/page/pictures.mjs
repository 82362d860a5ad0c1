/** Plays every received video track and names the colour of each frame that is shown. */
import { COLOURS } from './palette.mjs';
import { now } from './clock.mjs';

/** Frames come every 67 ms, later on a busy machine; a picture that stood still for longer is not being received. */
const FRESH_MS = 2_500;
/** In RGB, per pixel; the nearest two colours lie 200 apart, and video coding moves them by less than 40. */
const COLOUR_DISTANCE_MAX = 90;
const SAMPLE_PX = 4;

/** @type {Map<MediaStreamTrack, {video: HTMLVideoElement, colour: string | null, at: number}>} */
const pictures = new Map();
/** @type {((colour: string, at: number) => void)[]} */
const frameHandlers = [];

const sample = document.createElement('canvas');
sample.width = SAMPLE_PX;
sample.height = SAMPLE_PX;
const sampleContext = sample.getContext('2d', { willReadFrequently: true });

/** Calls `handle` for every frame of a known colour, with the time at which it was shown. */
export function onFrame(handle) {
  frameHandlers.push(handle);
}

/** Looks at a remote video track for as long as the page lives. */
export function lookAt(track) {
  if (pictures.has(track)) return;
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  video.autoplay = true;
  video.srcObject = new MediaStream([track]);
  document.body.append(video);
  const picture = { video, colour: null, at: 0 };
  pictures.set(track, picture);

  const handleFrame = () => {
    picture.colour = colourIn(video);
    picture.at = now();
    if (picture.colour) for (const handle of frameHandlers) handle(picture.colour, picture.at);
    video.requestVideoFrameCallback(handleFrame);
  };
  video.requestVideoFrameCallback(handleFrame);
}

/** @returns {string | null} the colour this track shows now; null when no frame came lately, or of no known colour */
export function colourOf(track) {
  const picture = pictures.get(track);
  return picture && now() - picture.at < FRESH_MS ? picture.colour : null;
}

/** @returns {string[]} the colours of everything this page receives now */
export function coloursInSight() {
  const colours = [...pictures.keys()].map(colourOf).filter((colour) => colour !== null);
  return [...new Set(colours)];
}

function colourIn(video) {
  const { videoWidth, videoHeight } = video;
  sampleContext.drawImage(
    video, videoWidth / 4, videoHeight / 2, videoWidth / 2, videoHeight / 4, 0, 0, SAMPLE_PX, SAMPLE_PX,
  );
  const { data } = sampleContext.getImageData(0, 0, SAMPLE_PX, SAMPLE_PX);
  const mean = [0, 1, 2].map((channel) => {
    let sum = 0;
    for (let offset = channel; offset < data.length; offset += 4) sum += data[offset];
    return sum / (SAMPLE_PX * SAMPLE_PX);
  });
  const distance = ([, colour]) => Math.hypot(...colour.map((value, channel) => value - mean[channel]));
  const nearest = Object.entries(COLOURS).reduce((best, entry) => (distance(entry) < distance(best) ? entry : best));
  return distance(nearest) < COLOUR_DISTANCE_MAX ? nearest[0] : null;
}
