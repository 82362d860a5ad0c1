/** Milliseconds since 1970, with fractions: comparable with those of the test process, on the same machine. */
export function now() {
  return performance.timeOrigin + performance.now();
}
