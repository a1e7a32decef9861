/**
 * Text: predicates, parts, case, concatenation, length and numbers in it, by kernels. Where a
 * kernel is exact for some texts only, JavaScript is called for the others.
 */
import { INLINE_MAX } from '../../columnar/text.ts'
import type { Expression, Primitive } from '../expression.ts'
import { callNode, rowFunction } from './calls.ts'
import { made } from './numeric.ts'
import {
  addressOf,
  type ColumnExpression,
  type ColumnMachine,
  type ColumnValue,
  rowBytes,
} from './shapes.ts'
import { filled, isAscii, textAt, writeTextView } from './values.ts'

type Parts = readonly ColumnExpression[]
type TextValue = Extract<ColumnValue, { kind: 'utf8' }>

/** A node over text; undefined where it is none that kernels know. */
export function textNode(
  expression: Expression,
  parts: Parts,
  machine: ColumnMachine,
): ColumnExpression | undefined {
  if (!parts.some(part => part.shape.kind === 'utf8')) {
    return expression.kind === 'template'
      ? new TextNodes(machine).template(expression, parts)
      : undefined
  }
  const nodes = new TextNodes(machine)
  switch (expression.kind) {
    case 'call':
      return nodes.method(expression, parts)
    case 'field':
      return expression.name === 'length' ? nodes.length(parts[0]!) : undefined
    case 'binary':
      return nodes.binary(expression, parts)
    case 'unary':
      return expression.operator === '+' ? nodes.number(expression, parts) : undefined
    case 'global':
      return nodes.global(expression, parts)
    case 'template':
      return nodes.template(expression, parts)
    default:
      return undefined
  }
}

class TextNodes {
  readonly #machine: ColumnMachine

  constructor(machine: ColumnMachine) {
    this.#machine = machine
  }

  method(expression: Extract<Expression, { kind: 'call' }>, parts: Parts) {
    const [of, ...args] = parts
    if (of!.shape.kind !== 'utf8') return undefined
    const constants = args.map(constantOf)
    const [first, second] = constants
    switch (expression.method) {
      case 'startsWith':
      case 'endsWith':
      case 'includes':
        return args.length === 1 && typeof first === 'string'
          ? this.#search(expression, expression.method, of!, first)
          : undefined
      case 'trim':
        return this.#trim(expression, of!, 3)
      case 'trimStart':
        return this.#trim(expression, of!, 1)
      case 'trimEnd':
        return this.#trim(expression, of!, 2)
      case 'toLowerCase':
        return this.#case(expression, of!, 'lowerViews')
      case 'toUpperCase':
        return this.#case(expression, of!, 'upperViews')
      case 'toString':
        return of
      case 'concat':
        return this.#joined(expression, parts)
      case 'slice':
      case 'substring':
      case 'charAt': {
        if (!constants.every(one => typeof one === 'number')) return undefined
        const [from, to] = rangeOf(expression.method, first as number, second as number)
        return this.#slice(expression, of!, from, to)
      }
      case 'charCodeAt':
        return constants.every(one => typeof one === 'number')
          ? this.#charCode(of!, placeOf((first as number | undefined) ?? 0))
          : undefined
      default:
        return undefined
    }
  }

  length(of: ColumnExpression): ColumnExpression {
    const { kernels } = this.#machine
    return made(false, [of], this.#machine, (vector, out) => {
      kernels.textLengths(addressOf(of.run(vector)), vector.rows, out)
    })
  }

  binary(expression: Extract<Expression, { kind: 'binary' }>, parts: Parts) {
    const { operator } = expression
    if (operator === '+') return this.#joined(expression, parts)
    return /^[!=]==?$/.test(operator) ? this.#equal(operator.startsWith('!'), parts) : undefined
  }

  #equal(isNot: boolean, parts: Parts): ColumnExpression {
    const machine = this.#machine
    const { kernels } = machine
    const [a, b] =
      parts[0]!.shape.kind === 'constant' ? [parts[1]!, parts[0]!] : [parts[0]!, parts[1]!]
    const text = constantOf(b)
    return made(true, [a, b], machine, (vector, out) => {
      const x = addressOf(a.run(vector))
      if (typeof text === 'string') {
        kernels.eqViewsBy(x, addressOf(filled(machine, 'utf8', text, 1)), vector.rows, out)
      } else kernels.eqViews(x, addressOf(b.run(vector)), vector.rows, out)
      if (isNot) kernels.notMask(out, vector.rows, out)
    })
  }

  global(expression: Extract<Expression, { kind: 'global' }>, parts: Parts) {
    if (expression.fn === 'String') return parts[0]
    const isParse = /parseInt$/.test(expression.fn)
    const isDecimal = parts.length === 1 || constantOf(parts[1]!) === 10
    if (isParse && !isDecimal) return undefined
    return /^(?:Number|(?:Number\.)?parse(?:Int|Float))$/.test(expression.fn)
      ? this.number(expression, parts)
      : undefined
  }

  /** The number that a text is; JavaScript reads what is no plain decimal. */
  number(expression: Expression, parts: Parts): ColumnExpression {
    const machine = this.#machine
    const { kernels, scratch, state } = machine
    const [of] = parts
    const isWhole = expression.kind === 'global' && expression.fn.endsWith('parseInt')
    const slow = rowFunction(expression)!
    const radix = parts.length > 1 ? [10] : []
    return made(false, [of!], machine, (vector, out) => {
      const { rows } = vector
      const at = addressOf(of!.run(vector))
      const unsure = scratch.take(rows)
      const left = kernels.parseNumbers(at, rows, out, unsure)
      if (isWhole) kernels.truncF64(out, rows, out)
      if (left === 0) return
      state.calledValues += left
      const { u8, f64 } = machine.memory
      for (let i = 0; i < rows; i++) {
        if (u8[unsure + i] === 1)
          f64[out / 8 + i] = slow(textAt(machine, at + i * 16), ...radix) as number
      }
    })
  }

  template(expression: Extract<Expression, { kind: 'template' }>, parts: Parts) {
    const machine = this.#machine
    const texts = expression.texts.map(textPart)
    const values = parts.map(part => {
      if (part.shape.kind === 'utf8') return part
      if (part.shape.kind === 'constant') return textPart(String(part.shape.value))
      return callNode({ kind: 'global', fn: 'String', args: [expression] }, [part], machine)
    })
    if (values.some(value => value === undefined)) return undefined
    const all = texts.flatMap((text, i) => (i < values.length ? [text, values[i]!] : [text]))
    return this.#joined(
      expression,
      all.filter(part => constantOf(part) !== ''),
      parts,
    )
  }

  /** All parts one behind the other. */
  #joined(expression: Expression, parts: Parts, original = parts): ColumnExpression | undefined {
    const machine = this.#machine
    const columns = merged(parts)
    if (columns.length === 1 && columns[0]!.shape.kind === 'utf8') return columns[0]
    const slow = callNode(expression, original, machine)
    if (!slow || columns.length === 0) return slow
    const isWhole = columns.every(part => String(constantOf(part) ?? '').isWellFormed())
    if (!isWhole) return slow
    const fast: ColumnExpression = {
      shape: { kind: 'utf8', made: true },
      calls: columns.some(part => part.calls),
      run: vector => {
        const { rows } = vector
        machine.state.kernelValues += rows
        const addresses = columns.map(part => {
          const text = constantOf(part)
          return addressOf(
            typeof text === 'string' ? filled(machine, 'utf8', text, rows) : part.run(vector),
          )
        })
        return { kind: 'utf8', at: addresses.reduce((a, b) => this.#concat(a, b, rows)) }
      },
    }
    return this.#unlessHalves(fast, slow)
  }

  #concat(a: number, b: number, rows: number): number {
    const { kernels, scratch, memory } = this.#machine
    const at = scratch.take(rows * rowBytes.utf8)
    const u32 = memory.u32
    let bytes = 0
    for (let i = 0; i < rows; i++) {
      const length = u32[a / 4 + 4 * i]! + u32[b / 4 + 4 * i]!
      if (length > INLINE_MAX) bytes += length
    }
    kernels.concatViews(a, b, rows, at, scratch.take(bytes))
    return at
  }

  #search(
    expression: Expression,
    method: 'startsWith' | 'endsWith' | 'includes',
    of: ColumnExpression,
    text: string,
  ): ColumnExpression {
    const machine = this.#machine
    const call = machine.kernels[method]
    const isWhole = text.isWellFormed()
    const fast = made(true, [of], machine, (vector, out) => {
      const at = addressOf(of.run(vector))
      const view = addressOf(filled(machine, 'utf8', text, 1))
      const u32 = machine.memory.u32
      const length = u32[view / 4]!
      const bytes = length <= INLINE_MAX ? view + 4 : u32[view / 4 + 2]!
      call(at, bytes, length, vector.rows, out)
    })
    const slow = callNode(expression, [of, textPart(text)], machine)!
    return isWhole ? this.#unlessHalves(fast, slow) : slow
  }

  /** Halves of a character that meet become one, and are found in it: bytes don't tell. */
  #unlessHalves(fast: ColumnExpression, slow: ColumnExpression): ColumnExpression {
    const { state } = this.#machine
    return {
      ...fast,
      run: vector => {
        const value = state.halves ? undefined : fast.run(vector)
        // They may have appeared only now, in an operand.
        return value && !state.halves ? value : slow.run(vector)
      },
    }
  }

  /** Text made by a kernel; `unsure` rows are then made by JavaScript. */
  #texts(
    expression: Expression,
    of: ColumnExpression,
    fill: (column: TextValue, rows: number, out: number, unsure: number) => number,
  ): ColumnExpression {
    const machine = this.#machine
    const slow = rowFunction(expression)!
    const args =
      expression.kind === 'call'
        ? expression.args.map(one => (one as { value: Primitive }).value)
        : []
    return {
      shape: { kind: 'utf8', made: true },
      calls: of.calls,
      run: vector => {
        const { rows } = vector
        const column = of.run(vector) as TextValue
        const out = machine.scratch.take(rows * rowBytes.utf8)
        const unsure = machine.scratch.take(rows)
        const left = fill(column, rows, out, unsure)
        machine.state.kernelValues += rows
        if (left > 0)
          this.#patch(column.at, rows, out, unsure, text => slow(text, ...args) as string)
        return { kind: 'utf8', at: out }
      },
    }
  }

  #patch(
    at: number,
    rows: number,
    out: number,
    unsure: number,
    of: (text: string) => string,
  ): void {
    const machine = this.#machine
    for (let i = 0; i < rows; i++) {
      if (machine.memory.u8[unsure + i] !== 1) continue
      machine.state.calledValues++
      writeTextView(machine, out + i * 16, of(textAt(machine, at + i * 16)))
    }
  }

  #trim(expression: Expression, of: ColumnExpression, sides: number): ColumnExpression {
    const { kernels } = this.#machine
    return this.#texts(expression, of, ({ at }, rows, out, unsure) =>
      kernels.trimViews(at, rows, sides, out, unsure),
    )
  }

  #case(expression: Expression, of: ColumnExpression, name: 'lowerViews' | 'upperViews') {
    const machine = this.#machine
    const { kernels, scratch } = machine
    return this.#texts(expression, of, (column, rows, out, unsure) => {
      kernels[name](column.at, rows, out, scratch.take(kernels.longBytes(column.at, rows)))
      return this.#notAscii(column, rows, unsure)
    })
  }

  #slice(expression: Expression, of: ColumnExpression, from: number, to: number) {
    const { kernels } = this.#machine
    return this.#texts(expression, of, (column, rows, out, unsure) => {
      kernels.sliceViews(column.at, rows, from, to, out)
      return this.#notAscii(column, rows, unsure)
    })
  }

  /** Marks the rows that are not ASCII; how many there are. */
  #notAscii(column: TextValue, rows: number, unsure: number): number {
    const { kernels } = this.#machine
    if (isAscii(this.#machine, column, rows)) return 0
    kernels.asciiMask(column.at, rows, unsure)
    kernels.notMask(unsure, rows, unsure)
    return kernels.countMask(unsure, rows)
  }

  #charCode(of: ColumnExpression, index: number): ColumnExpression {
    const machine = this.#machine
    const { kernels, scratch } = machine
    return made(false, [of], machine, (vector, out) => {
      const { rows } = vector
      const column = of.run(vector) as TextValue
      kernels.charCodes(column.at, index, rows, out)
      const unsure = scratch.take(rows)
      const left = this.#notAscii(column, rows, unsure)
      if (left === 0) return
      machine.state.calledValues += left
      const { u8, f64 } = machine.memory
      for (let i = 0; i < rows; i++) {
        if (u8[unsure + i] === 1)
          f64[out / 8 + i] = textAt(machine, column.at + i * 16).charCodeAt(index)
      }
    })
  }
}

function constantOf({ shape }: ColumnExpression): Primitive {
  return shape.kind === 'constant' ? shape.value : undefined
}

function textPart(value: string): ColumnExpression {
  return {
    shape: { kind: 'constant', value },
    calls: false,
    run: () => ({ kind: 'constant', value }),
  }
}

/** Constants that follow each other as one. */
function merged(parts: Parts): ColumnExpression[] {
  const out: ColumnExpression[] = []
  for (const part of parts) {
    const before = out.at(-1)
    const [a, b] = [before && constantOf(before), constantOf(part)]
    if (typeof a === 'string' && typeof b === 'string') out[out.length - 1] = textPart(a + b)
    else out.push(part)
  }
  return out
}

const INT_MAX = 2 ** 31 - 1

/** A place as `slice` and the like read it, within 32 bits. */
function placeOf(value: number): number {
  return Math.max(-INT_MAX, Math.min(INT_MAX, Math.trunc(value) || 0))
}

/** The places of `slice` that the call means. */
function rangeOf(method: string, first = 0, second?: number): [number, number] {
  if (method === 'slice') return [placeOf(first), second === undefined ? INT_MAX : placeOf(second)]
  const from = Math.max(0, placeOf(first))
  if (method === 'charAt') return placeOf(first) < 0 ? [0, 0] : [from, from + 1]
  const to = second === undefined ? INT_MAX : Math.max(0, placeOf(second))
  return from <= to ? [from, to] : [to, from]
}
