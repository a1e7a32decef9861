/**
 * When the local half of a reduction stops combining: where keys hardly repeat, a table costs more
 * than the rows that it saves. Decided once a partition, by its first rows, so that the result does
 * not depend on who runs what; rows and columns must decide alike.
 */
import type { ColumnVector } from '../../expressions/columns.ts'
import { sliceVector } from './vectors.ts'

export const combining = {
  /** Rows that are combined before the decision. */
  sampleRows: 4096,
  /** With more keys than this among them, later rows pass as they are. */
  keysMax: 3276,
} as const

/** Finds the row of a partition behind which it is decided. */
export class CombiningSample {
  #left: number = combining.sampleRows

  begin(): void {
    this.#left = combining.sampleRows
  }

  /** The vector; in two parts, the second perhaps empty, where the decision is between them. */
  cut(vector: ColumnVector): [ColumnVector] | [ColumnVector, ColumnVector] {
    const left = this.#left
    this.#left -= vector.rows
    if (left <= 0 || vector.rows < left) return [vector]
    return [sliceVector(vector, 0, left), sliceVector(vector, left, vector.rows)]
  }
}
