/**
 * Turns a chain of row kernels into one loop. The user's functions are parameters of the generated
 * factory, so V8 inlines them and rows never pass through an interface.
 *
 *   factory(fns, rt) → { open(sink, partition) → state, loop(state, vector), close(state) }
 *
 * One loop is generated for each form of input (plain values, numbers, pairs, structs). Data never
 * becomes code: field names pass through JSON.stringify, everything else is a name of ours.
 */
import type { Params, RowCode, RowKernel } from './operator.ts'

/** One fused step: an operator's row kernel, its settings, and its functions' places in `fns`. */
export interface RowStep {
  readonly kernel: RowKernel
  readonly params: Params
  readonly functions: readonly number[]
  /** Index of the step in its program, for error messages. */
  readonly index: number
}

/** How the rows of a vector arrive; see `formOf` in vector.ts. */
export type InputForm =
  | { readonly kind: 'values' }
  | { readonly kind: 'tuple'; readonly width: number }
  | { readonly kind: 'struct'; readonly names: readonly string[] }

interface Row {
  whole?: string
  key?: string
  value?: string
}

class Generator {
  #steps: readonly RowStep[]
  #lazy: boolean
  #names = 0
  /** Variables of one partition: name → first value. */
  readonly states = new Map<string, string>()

  constructor(steps: readonly RowStep[], lazy: boolean) {
    this.#steps = steps
    this.#lazy = lazy
  }

  name(hint: string): string {
    return `${hint}_${this.#names++}`
  }

  /** Code that takes a row through steps[at…]. */
  through(at: number, row: Row): string {
    const step = this.#steps[at]
    if (!step) return this.#terminal(row)
    return step.kernel.row(this.#code(step, at, row))
  }

  finish(at: number): string {
    const step = this.#steps[at]!
    return step.kernel.finish ? step.kernel.finish(this.#code(step, at, {})) : ''
  }

  #terminal(row: Row): string {
    if (this.#lazy) return `yield ${row.whole ?? `[${row.key}, ${row.value}]`};\n`
    if (row.whole !== undefined) return `sink.push(${row.whole});\n`
    return `sink.pushPair(${row.key}, ${row.value});\n`
  }

  #call(step: RowStep, row: string, index: number, args: readonly string[]): string {
    return `(op = ${step.index}, cur = ${row}, f${step.functions[index]}(${args.join(', ')}))`
  }

  #code(step: RowStep, at: number, row: Row): RowCode {
    return {
      params: step.params,
      row: () => row.whole ?? `[${row.key}, ${row.value}]`,
      pair: () => {
        if (row.key !== undefined && row.value !== undefined) {
          return { key: row.key, value: row.value, check: '' }
        }
        const key = this.name('k')
        const value = this.name('v')
        const check =
          `if (!(Array.isArray(${row.whole}) && ${row.whole}.length === 2)) ` +
          `{ op = ${step.index}; cur = ${row.whole}; rt.notPair(cur) }\n` +
          `const ${key} = ${row.whole}[0], ${value} = ${row.whole}[1];\n`
        return { key, value, check }
      },
      call: (index, ...args) => this.#call(step, args.at(-1)!, index, args),
      callOn: (row, index, ...args) => this.#call(step, row, index, args),
      emit: expression => {
        const whole = this.name('r')
        return `const ${whole} = ${expression};\n${this.through(at + 1, { whole })}`
      },
      emitPair: (key, value) => {
        const k = this.name('k')
        const v = this.name('v')
        const next = this.through(at + 1, { key: k, value: v })
        return `const ${k} = ${key}, ${v} = ${value};\n${next}`
      },
      pass: () => this.through(at + 1, row),
      time: () => 'st.time',
      side: () => 'side',
      state: (name, init) => {
        const unique = `${name}_${at}`
        if (!this.states.has(unique)) this.states.set(unique, init)
        return `st.${unique}`
      },
      name: hint => this.name(hint),
    }
  }
}

/** Loop body prologue: names for the row at index i. */
function readRow(form: InputForm): { columns: string; row: Row; head: string } {
  if (form.kind === 'values') {
    return { columns: 'const c0 = v.values;', row: { whole: 'x' }, head: 'const x = c0[i];' }
  }
  const width = form.kind === 'tuple' ? form.width : form.names.length
  const columns = Array.from({ length: width }, (_, j) => `const c${j} = v.columns[${j}];`).join(
    ' ',
  )
  if (form.kind === 'tuple' && width === 2) {
    return { columns, row: { key: 'x0', value: 'x1' }, head: 'const x0 = c0[i], x1 = c1[i];' }
  }
  const parts = Array.from({ length: width }, (_, j) =>
    form.kind === 'tuple' ? `c${j}[i]` : `[${JSON.stringify(form.names[j])}]: c${j}[i]`,
  ).join(', ')
  const literal = form.kind === 'tuple' ? `[${parts}]` : `{ ${parts} }`
  return { columns, row: { whole: 'x' }, head: `const x = ${literal};` }
}

/**
 * Source of a factory body with the parameters `fns` and `rt`. With `lazy`, `loop` and `close` are
 * generators that yield the rows, for partition kernels that pull.
 */
export function generateLoop(steps: readonly RowStep[], form: InputForm, lazy: boolean): string {
  const generator = new Generator(steps, lazy)
  const { columns, row, head } = readRow(form)
  const body = generator.through(0, row)
  const finishes = steps
    .map((_, at) => generator.finish(at))
    .map(code => (code ? `{\n${code}}\n` : ''))
  const states = [...generator.states].map(([name, init]) => `${name}: ${init}`).join(', ')
  const functions = steps.flatMap(step => step.functions.map(f => `const f${f} = fns[${f}];`))
  const star = lazy ? '*' : ''
  // `op` and `cur` say, when something throws, which operator was at work and on what.
  return `'use strict';
${functions.join('\n')}
return {
  open(partition, time) { return { time, ${states} } },
  ${star}loop(v, st, sink) {
    ${columns}
    const n = v.length, side = v.side;
    let op = -1, cur;
    try {
      for (let i = 0; i < n${lazy ? '' : ' && !sink.full'}; i++) {
        ${head}
        ${body}
      }
    } catch (error) { throw rt.failed(error, op, cur) }
  },
  ${star}close(st, sink) {
    let op = -1, cur;
    try {
      ${finishes.join('')}
    } catch (error) { throw rt.failed(error, op, cur) }
  },
}`
}
