/** Times of the job that the campaign kills. */

/** Milliseconds between its batches. */
export const batchMs = 100

/** Batches that its window holds. */
export const windowBatches = 3
