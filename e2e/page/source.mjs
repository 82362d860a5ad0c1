/** Makes a MediaStream of one pure tone, one solid colour, or both. */
import { audioContext } from './tones.mjs';
import { COLOURS } from './palette.mjs';

const AMPLITUDE = 0.3;
const DETAIL_PX = 16;

/**
 * @param {{tone?: number, colour?: string, width?: number, height?: number, framesPerSecond?: number}} source
 *   without a tone the stream has no audio track, without a colour no video track
 */
export function makeSource({ tone, colour, width = 160, height = 120, framesPerSecond = 15 }) {
  const tracks = [];
  if (tone) tracks.push(toneTrack(tone));
  if (colour) tracks.push(colourTrack(COLOURS[colour], width, height, framesPerSecond));
  return new MediaStream(tracks);
}

function toneTrack(frequencyHz) {
  const oscillator = new OscillatorNode(audioContext, { type: 'sine', frequency: frequencyHz });
  const volume = new GainNode(audioContext, { gain: AMPLITUDE });
  const output = new MediaStreamAudioDestinationNode(audioContext, { channelCount: 1 });
  oscillator.connect(volume).connect(output);
  oscillator.start();
  return output.stream.getAudioTracks()[0];
}

function colourTrack([red, green, blue], width, height, framesPerSecond) {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  document.body.append(canvas);
  const context = canvas.getContext('2d');
  const track = canvas.captureStream(framesPerSecond).getVideoTracks()[0];

  // A canvas that doesn't change yields no frames: a small square wanders along the upper edge.
  let step = 0;
  const draw = () => {
    if (track.readyState === 'ended') {
      clearInterval(timer);
      canvas.remove();
      return;
    }
    context.fillStyle = `rgb(${red} ${green} ${blue})`;
    context.fillRect(0, 0, width, height);
    context.fillStyle = 'white';
    context.fillRect((step * DETAIL_PX) % width, 0, DETAIL_PX, DETAIL_PX);
    step += 1;
  };
  const timer = setInterval(draw, 1000 / framesPerSecond);
  draw();
  return track;
}
