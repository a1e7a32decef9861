/** `line => line.split(separator)`: by kernels, over lines not cut yet or over any text. */
import { vectorRowsMax } from '../../columnar/group-table.ts'
import type { ColumnCode, ColumnStage, Push } from '../../engine/column-kernel.ts'
import type {
  ColumnExpression,
  ColumnMachine,
  ColumnShape,
  ColumnValue,
  ColumnVector,
} from '../../expressions/columns.ts'
import { addressOf, columnOf, filled, simplified, textAt } from '../../expressions/columns.ts'
import type { Expression } from '../../expressions/index.ts'

const viewBytes = 16
const countBytes = 4
const inlineBytes = 12
const asciiMax = 127
/** Why a kernel stopped before a row. */
const noRoom = 1
const forJavaScript = 2

type Split = Extract<Expression, { kind: 'call' }>

/** The separator, when the expression splits text by a constant that is not empty. */
function splitOf(expression: Expression): { of: Expression; by: string | RegExp } | undefined {
  if (expression.kind !== 'call') return undefined
  const { method, of, args } = expression as Split
  if (method === 'split(/\\s+/)') return { of, by: /\s+/ }
  const [by] = args
  if (method !== 'split' || args.length !== 1 || by?.kind !== 'constant') return undefined
  return typeof by.value === 'string' && by.value !== '' ? { of, by: by.value } : undefined
}

/** A stage that cuts text into parts; undefined where the expression does something else. */
export function splitStage(c: ColumnCode, expression: Expression): ColumnStage | undefined {
  const simple = simplified(expression, [c.input])
  const split = simple && splitOf(simple)
  if (!split) return undefined
  if (c.input.kind === 'lines') {
    const code = typeof split.by === 'string' ? byteOf(split.by) : undefined
    return code !== undefined && split.of.kind === 'parameter'
      ? linesStage(c.machine, code)
      : undefined
  }
  const text = c.compile(split.of)
  return text?.shape.kind === 'utf8' ? textStage(c.machine, text, split.by) : undefined
}

/** The byte of a separator that may stand in a line. */
function byteOf(separator: string): number | undefined {
  const code = separator.charCodeAt(0)
  // A line has no newline in it, and a carriage return at its end is not part of it.
  if (separator.length !== 1 || code > asciiMax || /[\n\r]/.test(separator)) return undefined
  return code
}

/** Cuts lines and words in one pass over the bytes. */
function linesStage({ kernels, scratch, memory }: ColumnMachine, separator: number): ColumnStage {
  return {
    output: { kind: 'utf8' },
    push: ({ column }, next) => {
      if (column.kind !== 'lines') return
      const u32 = memory.u32
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

/** Cuts the texts that an expression gives. */
function textStage(
  machine: ColumnMachine,
  text: ColumnExpression,
  by: string | RegExp,
): ColumnStage {
  // Parts made by JavaScript lie in scratch memory.
  const output: ColumnShape = { kind: 'utf8', made: true }
  const { scratch, state } = machine
  const isBytes = by instanceof RegExp || by.isWellFormed()
  return {
    output,
    push: (vector, next) => {
      const start = scratch.mark()
      const at = addressOf(text.run(vector))
      const cut = new TextCut(machine, by, next)
      // With half of a character somewhere, bytes don't tell where a separator is.
      if (isBytes && !state.halves) cut.all(at, vector.rows)
      else for (let row = 0; row < vector.rows; row++) cut.byJavaScript(at + row * viewBytes)
      scratch.release(start)
    },
  }
}

class TextCut {
  readonly #machine: ColumnMachine
  readonly #by: string | RegExp
  readonly #next: Push

  constructor(machine: ColumnMachine, by: string | RegExp, next: Push) {
    this.#machine = machine
    this.#by = by
    this.#next = next
  }

  all(at: number, rows: number): void {
    const { memory, scratch, state } = this.#machine
    const [separator, length] = this.#separator()
    const words = scratch.take(3 * countBytes)
    const counts = scratch.take(rows * countBytes)
    const out = scratch.take(vectorRowsMax * viewBytes)
    const cut = (from: number, n: number, to: number, room: number): number =>
      this.#cut({ at: from, rows: n, separator, length, out: to, room, counts, words })
    for (let done = 0; done < rows; ) {
      const from = at + done * viewBytes
      const parts = cut(from, rows - done, out, vectorRowsMax)
      const [cutRows, reason, needed] = memory.u32.subarray(words / 4, words / 4 + 3)
      state.kernelValues += cutRows!
      this.#hand({ kind: 'utf8', at: out }, parts)
      done += cutRows!
      if (reason === forJavaScript) {
        this.byJavaScript(at + done * viewBytes)
        done++
      } else if (reason === noRoom && cutRows === 0) {
        // One row has more parts than a vector holds.
        const mark = scratch.mark()
        const large = scratch.take(needed! * viewBytes)
        const many = cut(from, 1, large, needed!)
        for (let part = 0; part < many; part += vectorRowsMax) {
          const count = Math.min(vectorRowsMax, many - part)
          this.#hand({ kind: 'utf8', at: large + part * viewBytes }, count)
        }
        scratch.release(mark)
        done++
      }
    }
  }

  byJavaScript(view: number): void {
    const machine = this.#machine
    machine.state.calledValues++
    const parts = textAt(machine, view).split(this.#by)
    for (let from = 0; from < parts.length; from += vectorRowsMax) {
      const mark = machine.scratch.mark()
      const some = parts.slice(from, from + vectorRowsMax)
      this.#hand(columnOf(machine, 'utf8', some, some.length), some.length)
      machine.scratch.release(mark)
    }
  }

  #hand(column: ColumnValue, rows: number): void {
    if (rows === 0) return
    const mark = this.#machine.scratch.mark()
    const vector: ColumnVector = { rows, column }
    this.#next(vector)
    this.#machine.scratch.release(mark)
  }

  /** Where the bytes of the separator lie, and how many there are; nothing for white space. */
  #separator(): [number, number] {
    if (this.#by instanceof RegExp) return [0, 0]
    const view = addressOf(filled(this.#machine, 'utf8', this.#by, 1))
    const u32 = this.#machine.memory.u32
    const length = u32[view / 4]!
    return [length <= inlineBytes ? view + 4 : u32[view / 4 + 2]!, length]
  }

  #cut(of: {
    readonly at: number
    readonly rows: number
    readonly separator: number
    readonly length: number
    readonly out: number
    readonly room: number
    readonly counts: number
    readonly words: number
  }): number {
    const { at, rows, separator, length, out, room, counts, words } = of
    const { kernels } = this.#machine
    if (length === 0) return kernels.splitWhitespace(at, rows, out, room, counts, words)
    return kernels.splitViews(at, rows, separator, length, out, room, counts, words)
  }
}
