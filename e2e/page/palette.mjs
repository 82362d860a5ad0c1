/** What a source can look and sound like. Shared by the page, which makes and detects it, and by the tests. */

/** Far apart, and none near a multiple of another. */
export const TONES_HZ = [500, 800, 1300, 2100, 3400];

export const COLOURS = {
  red: [230, 20, 20],
  green: [20, 180, 20],
  blue: [20, 20, 230],
  yellow: [230, 220, 20],
  magenta: [220, 20, 220],
};
