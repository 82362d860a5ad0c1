/**
 * Gets the user's camera, microphone and screen, and says in plain words why it cannot.
 *
 * @typedef {{mediaStream: MediaStream | null, problem: string}} Capture  `problem` is empty when all went well
 */

const VIDEO = { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { max: 30 } };
const ATTEMPTS = [
  { constraints: { audio: true, video: VIDEO }, without: '' },
  { constraints: { audio: true }, without: 'You join without a camera.' },
  { constraints: { video: VIDEO }, without: 'You join without a microphone.' },
];

/**
 * Camera and microphone; if that fails one of them, or neither.
 * @returns {Promise<Capture>}
 */
export async function captureCamera() {
  if (!navigator.mediaDevices?.getUserMedia) {
    return { mediaStream: null, problem: `${unavailable()} You join without camera and microphone.` };
  }
  let reason = '';
  for (const { constraints, without } of ATTEMPTS) {
    try {
      const mediaStream = await navigator.mediaDevices.getUserMedia(constraints);
      return { mediaStream, problem: without && `${reason} ${without}` };
    } catch (error) {
      reason ||= explain(error);
      // The user has said no twice by now: don't ask a third time.
      if (isRefusal(error) && !('video' in constraints)) break;
    }
  }
  return { mediaStream: null, problem: `${reason} You join without camera and microphone.` };
}

/** Whether this browser can share its screen: phones can't. */
export function canCaptureScreen() {
  return Boolean(navigator.mediaDevices?.getDisplayMedia);
}

/**
 * @returns {Promise<Capture>} without a problem and without a stream when the user changed his mind
 */
export async function captureScreen() {
  try {
    return { mediaStream: await navigator.mediaDevices.getDisplayMedia({ video: true, audio: true }), problem: '' };
  } catch (error) {
    return { mediaStream: null, problem: isRefusal(error) ? '' : `The screen cannot be shared: ${messageOf(error)}` };
  }
}

/** @param {MediaStream | null} mediaStream */
export function stop(mediaStream) {
  for (const track of mediaStream?.getTracks() ?? []) track.stop();
}

function unavailable() {
  return globalThis.isSecureContext
    ? 'This browser gives pages no camera or microphone.'
    : 'Browsers give camera and microphone to secure pages only: open this page over https, or on localhost.';
}

/** @param {unknown} error */
function isRefusal(error) {
  return error instanceof DOMException && error.name === 'NotAllowedError';
}

/** @param {unknown} error */
function explain(error) {
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
      return 'Camera or microphone were not allowed: you can allow them in the address bar, and join again.';
    case 'NotFoundError':
      return 'No camera or no microphone was found.';
    case 'NotReadableError':
      return 'The camera or the microphone is used by another program.';
    default:
      return `Camera or microphone cannot be used: ${messageOf(error)}.`;
  }
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
