/** Milliseconds since 1970 with sub-millisecond steps: comparable with the test process, which runs on the same machine. */
export function now() {
  return performance.timeOrigin + performance.now();
}
