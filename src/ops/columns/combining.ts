/**
 * When the local half of a reduction stops combining: where keys hardly repeat, a table costs more
 * than the rows that it saves. Decided once a partition, by its first rows, so that the result does
 * not depend on who runs what; rows and columns must decide alike.
 */
export const combining = {
  /** Rows that are combined before the decision. */
  sampleRows: 4096,
  /** With more keys than this among them, later rows pass as they are. */
  keysMax: 3276,
} as const
