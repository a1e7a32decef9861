/** `line => line.split(separator)` over text that is not cut yet. */
import { vectorRowsMax } from '../../columnar/group-table.ts'
import type { ColumnCode, ColumnStage } from '../../engine/column-kernel.ts'
import type { Expression } from '../../expressions/index.ts'

const viewBytes = 16
const asciiMax = 127

/** The separator's byte, when the expression is a split of the row by one ASCII character. */
function separatorOf(expression: Expression): number | undefined {
  if (expression.kind !== 'call' || expression.method !== 'split') return undefined
  if (expression.of.kind !== 'parameter' || expression.args.length !== 1) return undefined
  const [separator] = expression.args
  if (separator?.kind !== 'constant' || typeof separator.value !== 'string') return undefined
  if (separator.value.length !== 1) return undefined
  const code = separator.value.charCodeAt(0)
  // A line has no newline in it, and a carriage return at its end is not part of it.
  return code > asciiMax || separator.value === '\n' || separator.value === '\r' ? undefined : code
}

/** A stage that cuts lines and words in one pass over the bytes. */
export function splitStage(c: ColumnCode, expression: Expression): ColumnStage | undefined {
  const separator = separatorOf(expression)
  if (separator === undefined || c.input.kind !== 'lines') return undefined
  const { kernels, scratch } = c.machine
  return {
    output: { kind: 'utf8' },
    push: ({ column }, next) => {
      if (column.kind !== 'lines') return
      const u32 = c.machine.words()
      const start = scratch.mark()
      const state = scratch.take(8)
      u32[state / 4] = column.from
      u32[state / 4 + 1] = 0
      const at = scratch.take(vectorRowsMax * viewBytes)
      const mark = scratch.mark()
      while (u32[state / 4] !== column.to || u32[state / 4 + 1] !== 0) {
        const rows = kernels.splitText(column.to, separator, at, vectorRowsMax, state)
        next({ rows, column: { kind: 'utf8', at } })
        scratch.release(mark)
      }
      scratch.release(start)
    },
  }
}
