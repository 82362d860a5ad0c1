/** Waiting for a condition with a deadline: the only way these tests wait. */

const POLL_EVERY_MS = 100;
export const DEADLINE_MS = 10_000;

/**
 * @template T
 * @param {string} what  completes the sentence "timed out waiting for …"
 * @param {() => Promise<T> | T} condition  polled until it yields a truthy value
 * @param {{deadlineMs?: number, describe?: () => unknown}} [options]  `describe` adds what was there instead
 * @returns {Promise<T>} that value
 */
export async function until(what, condition, { deadlineMs = DEADLINE_MS, describe } = {}) {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > deadline) {
      const instead = describe ? `; last seen: ${JSON.stringify(describe())}` : '';
      throw new Error(`timed out after ${deadlineMs} ms waiting for ${what}${instead}`);
    }
    await pause(POLL_EVERY_MS);
  }
}

/** Runs `check` again and again over a window of time; whatever it throws ends the window. */
export async function throughout(windowMs, check) {
  const end = performance.now() + windowMs;
  while (performance.now() < end) {
    await check();
    await pause(POLL_EVERY_MS);
  }
}

/** @returns {Promise<boolean>} whether the condition stays true over a window of time */
export async function holds(windowMs, condition) {
  const end = performance.now() + windowMs;
  while (performance.now() < end) {
    if (!(await condition())) return false;
    await pause(POLL_EVERY_MS);
  }
  return true;
}

/** Lets time pass that is part of the scenario itself, such as an outage; never to wait for something to be done. */
export async function elapse(ms) {
  await pause(ms);
}

/** Ends the wait for something that may never answer, such as a page whose call hangs. */
export async function withDeadline(what, promise, { deadlineMs = DEADLINE_MS } = {}) {
  let timer;
  const expiry = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`timed out after ${deadlineMs} ms waiting for ${what}`)), deadlineMs);
  });
  try {
    return await Promise.race([promise, expiry]);
  } finally {
    clearTimeout(timer);
  }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
