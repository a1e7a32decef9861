/** Text that is not cut yet as a column of its lines. */
import { vectorRowsMax } from '../columnar/group-table.ts'
import type { ColumnMachine } from '../expressions/columns.ts'
import type { ColumnStage } from './column-kernel.ts'

const viewBytes = 16
const stateBytes = 8

/** Cuts text into lines, where the first step does not cut it itself. */
export function cutLines({ kernels, memory, scratch }: ColumnMachine): ColumnStage {
  return {
    output: { kind: 'utf8' },
    push: ({ column }, next) => {
      if (column.kind !== 'lines') return
      const start = scratch.mark()
      const state = scratch.take(stateBytes)
      const at = scratch.take(vectorRowsMax * viewBytes)
      const mark = scratch.mark()
      const u32 = memory.u32
      u32[state / 4] = column.from
      u32[state / 4 + 1] = 0
      while (u32[state / 4] !== column.to || u32[state / 4 + 1] !== 0) {
        const rows = kernels.splitLines(column.to, at, vectorRowsMax, state)
        next({ rows, column: { kind: 'utf8', at } })
        scratch.release(mark)
      }
      scratch.release(start)
    },
  }
}
