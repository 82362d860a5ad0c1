/**
 * Detects which of the known tones a track carries, and which all received tracks carry together: the mix is taken from
 * the tracks themselves, so that a leak is noticed even in a stream that nobody announced.
 */
import { TONES_HZ } from './palette.mjs';

const FFT_SIZE = 4096;
/** A source arrives at about −24 dB; half a window of it at −30 dB. */
const AUDIBLE_DB = -50;
/** A click, such as the end of a tone in mid-wave, is spread wide; a tone stands out from what lies beside it. */
const PROMINENCE_DB = 12;
const BESIDE_HZ = 100;

/** The silent sink: there is no sound card, and the context must run all the same. */
export const audioContext = new AudioContext({ sampleRate: 48_000, sinkId: { type: 'none' } });

const BIN_HZ = audioContext.sampleRate / FFT_SIZE;
const spectrum = new Float32Array(FFT_SIZE / 2);

const mix = newAnalyser();
mix.connect(audioContext.destination);

/** @type {Map<MediaStreamTrack, AnalyserNode>} */
const analysers = new Map();

/** Listens to a remote audio track for as long as the page lives. */
export function listenTo(track) {
  if (analysers.has(track)) return;
  const stream = new MediaStream([track]);
  // Chromium decodes a remote track only while a media element plays it.
  const element = new Audio();
  element.muted = true;
  element.srcObject = stream;
  element.play();
  const source = audioContext.createMediaStreamSource(stream);
  const analyser = newAnalyser();
  source.connect(analyser).connect(mix);
  // Chromium drops an element or a source node that nothing refers to.
  analyser.keepAlive = { element, source };
  analysers.set(track, analyser);
}

/** @returns {number[]} the tones in this track now */
export function tonesOf(track) {
  const analyser = analysers.get(track);
  return analyser ? tonesIn(analyser) : [];
}

/** @returns {number[]} the tones in everything this page receives now */
export function tonesInMix() {
  return tonesIn(mix);
}

function newAnalyser() {
  return new AnalyserNode(audioContext, { fftSize: FFT_SIZE, smoothingTimeConstant: 0 });
}

function tonesIn(analyser) {
  analyser.getFloatFrequencyData(spectrum);
  return TONES_HZ.filter((hz) => {
    const level = levelAt(hz);
    const beside = Math.max(levelAt(hz - BESIDE_HZ), levelAt(hz + BESIDE_HZ));
    return level > AUDIBLE_DB && level - beside > PROMINENCE_DB;
  });
}

function levelAt(hz) {
  const bin = Math.round(hz / BIN_HZ);
  return Math.max(...spectrum.subarray(bin - 1, bin + 2));
}
