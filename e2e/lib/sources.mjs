/** Five publishers that can be told apart by ear and by eye. */
export const RED = { tone: 500, colour: 'red' };
export const GREEN = { tone: 800, colour: 'green' };
export const BLUE = { tone: 1300, colour: 'blue' };
export const YELLOW = { tone: 2100, colour: 'yellow' };
export const MAGENTA = { tone: 3400, colour: 'magenta' };
