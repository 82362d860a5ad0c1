/**
 * What a row of the matrix means: subscriptions read as ticks, and ticks written as subscriptions. Pure functions.
 *
 * @typedef {{participantId: string, streamAliases?: string[]}} SubscribedParticipant
 * @typedef {{sessionId?: string, participants?: SubscribedParticipant[]}} Subscriptions
 * @typedef {'nothing' | 'some streams' | 'all streams'} Reception
 * @typedef {{publisherId: string, reception: Reception}} Cell
 */

/**
 * What these subscriptions let their participant receive of one other.
 * @param {Subscriptions | undefined} subscriptions
 * @param {string} publisherId
 * @returns {Reception}
 */
export function reception(subscriptions, publisherId) {
  if (!subscriptions?.participants?.length) return subscriptions?.sessionId ? 'all streams' : 'nothing';
  const entries = subscriptions.participants.filter((entry) => entry.participantId === publisherId);
  if (entries.length === 0) return 'nothing';
  return entries.some((entry) => !entry.streamAliases?.length) ? 'all streams' : 'some streams';
}

/**
 * The stream aliases that an explicit list names for one publisher.
 * @param {Subscriptions | undefined} subscriptions
 * @param {string} publisherId
 */
export function aliases(subscriptions, publisherId) {
  const entries = subscriptions?.participants?.filter((entry) => entry.participantId === publisherId) ?? [];
  return [...new Set(entries.flatMap((entry) => entry.streamAliases ?? []))];
}

/**
 * The subscriptions that a row of cells stands for: nothing ticked is none, everything ticked is the whole session with
 * all who come later, and all else is an explicit list. A cell with some streams keeps the aliases that it had.
 * @param {Cell[]} cells  one for each other participant
 * @param {Subscriptions | undefined} previous
 * @param {string} sessionId
 * @returns {Subscriptions}
 */
export function fromCells(cells, previous, sessionId) {
  const ticked = cells.filter((cell) => cell.reception !== 'nothing');
  if (ticked.length === 0) return {};
  if (cells.every((cell) => cell.reception === 'all streams')) return { sessionId };
  const participants = ticked.map(({ publisherId, reception }) =>
    reception === 'all streams'
      ? { participantId: publisherId }
      : { participantId: publisherId, streamAliases: aliases(previous, publisherId) },
  );
  return { participants };
}

/**
 * The same write through the public REST API, for a shell. The credentials are those of a `--dev` server.
 * @param {string} origin
 * @param {{accountId: string, sessionId: string}} session
 * @param {Record<string, Subscriptions>} rows
 */
export function curlCommand(origin, { accountId, sessionId }, rows) {
  const json = JSON.stringify(rows).replaceAll("'", "'\\''");
  return [
    'curl -u dev:dev -X PUT \\',
    `  ${origin}/accounts/${accountId}/sessions/${sessionId}/subscriptions \\`,
    "  -H 'content-type: application/json' \\",
    `  -d '${json}'`,
  ].join('\n');
}
