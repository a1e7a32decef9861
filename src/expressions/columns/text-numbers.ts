/** Numbers and booleans as text, and numbers out of text. */
import type { Expression } from '../expression.ts'
import { callNode, rowFunction } from './calls.ts'
import { made } from './numeric.ts'
import { addressOf, type ColumnExpression, type ColumnMachine, rowBytes } from './shapes.ts'
import { constantOf, eachMarked, eachMarkedText, type Parts, type TextValue } from './text-parts.ts'
import { filled, writeTextView } from './values.ts'

/** Whether this is `String(x)` or `x.toString()` of a number or boolean. */
export function isString(expression: Expression, [first]: Parts): boolean {
  if (first?.shape.kind !== 'float64' && first?.shape.kind !== 'bool') return false
  if (expression.kind === 'global') return expression.fn === 'String'
  if (expression.kind !== 'call' || expression.method !== 'toString') return false
  const [radix] = expression.args
  return !radix || (radix.kind === 'constant' && radix.value === 10)
}

/** Whether this reads a number out of text as a decimal. */
export function isNumberOf(expression: Expression, parts: Parts): boolean {
  if (expression.kind === 'unary') return expression.operator === '+'
  if (expression.kind !== 'global') return false
  if (/parseInt$/.test(expression.fn)) return parts.length === 1 || constantOf(parts[1]!) === 10
  return /^(?:Number|(?:Number\.)?parseFloat)$/.test(expression.fn)
}

/** `String(value)`; JavaScript writes numbers that are no short integers. */
export function stringOf(
  part: ColumnExpression,
  machine: ColumnMachine,
): ColumnExpression | undefined {
  if (part.shape.kind === 'bool') return wordsOf(part, machine)
  if (part.shape.kind !== 'float64') {
    const node: Expression = {
      kind: 'global',
      fn: 'String',
      args: [{ kind: 'parameter', index: 0 }],
    }
    return callNode(node, [part], machine)
  }
  const { kernels, scratch, state } = machine
  return {
    shape: { kind: 'utf8', made: true },
    calls: part.calls,
    run: vector => {
      const { rows } = vector
      const at = addressOf(part.run(vector))
      const out = scratch.take(rows * rowBytes.utf8)
      const unsure = scratch.take(rows)
      state.kernelValues += rows
      if (kernels.formatNumbers(at, rows, out, unsure) > 0) {
        const numbers = machine.memory.f64.subarray(at / rowBytes.float64)
        eachMarked(machine, unsure, rows, row => {
          writeTextView(machine, out + row * rowBytes.utf8, String(numbers[row]))
        })
      }
      return { kind: 'utf8', at: out, ascii: true }
    },
  }
}

/** `true` and `false`. */
function wordsOf(part: ColumnExpression, machine: ColumnMachine): ColumnExpression {
  return {
    shape: { kind: 'utf8', made: true },
    calls: part.calls,
    run: vector => {
      const { rows } = vector
      const mask = addressOf(part.run(vector))
      const yes = addressOf(filled(machine, 'utf8', 'true', rows))
      const no = addressOf(filled(machine, 'utf8', 'false', rows))
      machine.kernels.pickViews(mask, yes, no, rows, no)
      machine.state.kernelValues += rows
      return { kind: 'utf8', at: no, ascii: true }
    },
  }
}

/** The number that a text is; JavaScript reads what is no plain decimal. */
export function numberOf(
  expression: Expression,
  parts: Parts,
  machine: ColumnMachine,
): ColumnExpression {
  const { kernels, scratch } = machine
  const [of] = parts
  const isWhole = expression.kind === 'global' && expression.fn.endsWith('parseInt')
  const slow = rowFunction(expression)!
  const radix = parts.length > 1 ? [10] : []
  return made(false, [of!], machine, (vector, out) => {
    const { rows } = vector
    const column = of!.run(vector) as TextValue
    const unsure = scratch.take(rows)
    const left = kernels.parseNumbers(column.at, rows, out, unsure)
    if (isWhole) kernels.truncF64(out, rows, out)
    if (left === 0) return
    const { f64 } = machine.memory
    eachMarkedText(machine, column, unsure, rows, (row, text) => {
      f64[out / rowBytes.float64 + row] = slow(text, ...radix) as number
    })
  })
}
