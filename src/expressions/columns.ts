/**
 * Expressions over vectors of columns: each node becomes a call of a kernel, or is not known
 * here.
 */
import type { KernelExports } from '../columnar/kernel-exports.ts'
import type { Memory } from '../columnar/memory.ts'
import type { Scratch } from '../columnar/scratch.ts'
import type { Binary, Expression, Primitive } from './expression.ts'

/** What the rows of a vector look like, as far as kernels know them. */
export type ColumnShape =
  | { readonly kind: 'float64' }
  | { readonly kind: 'utf8' }
  | { readonly kind: 'bool' }
  /** Text whose lines are not cut yet. */
  | { readonly kind: 'lines' }
  | { readonly kind: 'constant'; readonly value: Primitive }
  | { readonly kind: 'tuple'; readonly items: readonly ColumnShape[] }

/** A column of a vector: an address of values, views or mask bytes. */
export type ColumnValue =
  | { readonly kind: 'float64' | 'utf8' | 'bool'; readonly at: number }
  | { readonly kind: 'lines'; readonly from: number; readonly to: number }
  | { readonly kind: 'constant'; readonly value: Primitive }
  | { readonly kind: 'tuple'; readonly items: readonly ColumnValue[] }

/** Up to a few thousand rows. */
export interface ColumnVector {
  readonly rows: number
  readonly column: ColumnValue
}

/** What stages work with: the kernels and a thread's scratch memory. */
export interface ColumnMachine {
  readonly kernels: KernelExports
  readonly scratch: Scratch
  /** The memory as 32-bit words, for the small states that kernels keep. */
  words(): Uint32Array
  /** The same memory in all its views. */
  readonly memory: Memory
}

/** An expression ready to run: its shape, and its value for each vector. */
export interface ColumnExpression {
  readonly shape: ColumnShape
  run(vector: ColumnVector): ColumnValue
}

const numberBytes = 8

/**
 * Compiles an expression of one parameter of the given shape. Undefined where some part of it has
 * no kernel: another gear takes it.
 */
export function compileColumns(
  expression: Expression,
  parameters: readonly ColumnShape[],
  machine: ColumnMachine,
): ColumnExpression | undefined {
  return new Compiler(parameters[0]!, machine).compile(expression)
}

class Compiler {
  readonly #input: ColumnShape
  readonly #machine: ColumnMachine

  constructor(input: ColumnShape, machine: ColumnMachine) {
    this.#input = input
    this.#machine = machine
  }

  compile(expression: Expression): ColumnExpression | undefined {
    switch (expression.kind) {
      case 'parameter':
        if (expression.index > 0 || this.#input.kind === 'lines') return undefined
        return { shape: this.#input, run: vector => vector.column }
      case 'constant':
        return constantOf(expression.value)
      case 'item':
        return this.#item(expression.of, expression.index)
      case 'tuple':
        return this.#tuple(expression.items)
      case 'binary':
        return this.#binary(expression)
      case 'unary':
        return expression.operator === '!' ? this.#not(expression.of) : this.#negated(expression)
      case 'logical':
        return expression.operator === '??'
          ? undefined
          : this.#logical(expression.operator, expression.left, expression.right)
      case 'math':
        return this.#math(expression.fn, expression.args)
      default:
        return undefined
    }
  }

  #item(of: Expression, index: number): ColumnExpression | undefined {
    const tuple = this.compile(of)
    if (tuple?.shape.kind !== 'tuple') return undefined
    const shape = tuple.shape.items[index]
    if (!shape) return undefined
    return {
      shape,
      run: vector => {
        const value = tuple.run(vector)
        return value.kind === 'tuple' ? value.items[index]! : value
      },
    }
  }

  #tuple(items: readonly Expression[]): ColumnExpression | undefined {
    const compiled = items.map(item => this.compile(item))
    if (compiled.some(item => item === undefined)) return undefined
    const parts = compiled as ColumnExpression[]
    return {
      shape: { kind: 'tuple', items: parts.map(part => part.shape) },
      run: vector => ({ kind: 'tuple', items: parts.map(part => part.run(vector)) }),
    }
  }

  #binary({ operator, left, right }: Binary): ColumnExpression | undefined {
    const a = this.compile(left)
    const b = this.compile(right)
    if (!a || !b) return undefined
    if (a.shape.kind === 'float64' && b.shape.kind === 'float64') {
      return this.#overColumns(operator, a, b)
    }
    const k = numberOf(b)
    if (a.shape.kind === 'float64' && k !== undefined) return this.#by(operator, a, k)
    const first = numberOf(a)
    if (b.shape.kind === 'float64' && first !== undefined) return this.#from(operator, first, b)
    return undefined
  }

  #overColumns(
    operator: string,
    a: ColumnExpression,
    b: ColumnExpression,
  ): ColumnExpression | undefined {
    const name = columnKernels[operator]
    if (!name) return undefined
    const { kernels } = this.#machine
    const call = kernels[name] as (a: number, b: number, n: number, out: number) => void
    const swap = operator === '>' || operator === '>='
    const negate = operator === '!=='
    const isMask = comparisons.has(operator)
    return this.#made(isMask, (vector, out) => {
      const x = addressOf(a.run(vector))
      const y = addressOf(b.run(vector))
      if (swap) call(y, x, vector.rows, out)
      else call(x, y, vector.rows, out)
      if (negate) kernels.notMask(out, vector.rows, out)
    })
  }

  #by(operator: string, a: ColumnExpression, k: number): ColumnExpression | undefined {
    const name = constantKernels[operator]
    if (!name) return undefined
    const { kernels } = this.#machine
    const call = kernels[name] as (a: number, k: number, n: number, out: number) => void
    const negate = operator === '!=='
    return this.#made(comparisons.has(operator), (vector, out) => {
      call(addressOf(a.run(vector)), k, vector.rows, out)
      if (negate) kernels.notMask(out, vector.rows, out)
    })
  }

  #from(operator: string, k: number, b: ColumnExpression): ColumnExpression | undefined {
    const mirrored = mirror[operator]
    if (mirrored) return this.#by(mirrored, b, k)
    const name = fromKernels[operator]
    if (!name) return undefined
    const call = this.#machine.kernels[name] as (
      k: number,
      b: number,
      n: number,
      out: number,
    ) => void
    return this.#made(false, (vector, out) => {
      call(k, addressOf(b.run(vector)), vector.rows, out)
    })
  }

  #not(of: Expression): ColumnExpression | undefined {
    const a = this.compile(of)
    if (a?.shape.kind !== 'bool') return undefined
    return this.#made(true, (vector, out) => {
      this.#machine.kernels.notMask(addressOf(a.run(vector)), vector.rows, out)
    })
  }

  #negated(expression: Expression): ColumnExpression | undefined {
    if (expression.kind !== 'unary' || expression.operator !== '-') return undefined
    return this.#map('negF64', expression.of)
  }

  #logical(operator: '&&' | '||', left: Expression, right: Expression) {
    const a = this.compile(left)
    const b = this.compile(right)
    // Both sides are pure, so running both and joining their masks is what short-circuiting gives.
    if (a?.shape.kind !== 'bool' || b?.shape.kind !== 'bool') return undefined
    const call = this.#machine.kernels[operator === '&&' ? 'andMasks' : 'orMasks']
    return this.#made(true, (vector, out) => {
      call(addressOf(a.run(vector)), addressOf(b.run(vector)), vector.rows, out)
    })
  }

  #math(fn: string, args: readonly Expression[]): ColumnExpression | undefined {
    const name = mathKernels[fn]
    return name && args.length === 1 ? this.#map(name, args[0]!) : undefined
  }

  #map(name: keyof KernelExports, of: Expression): ColumnExpression | undefined {
    const a = this.compile(of)
    if (a?.shape.kind !== 'float64') return undefined
    const call = this.#machine.kernels[name] as (a: number, n: number, out: number) => void
    return this.#made(false, (vector, out) => {
      call(addressOf(a.run(vector)), vector.rows, out)
    })
  }

  #made(isMask: boolean, fill: (vector: ColumnVector, out: number) => void): ColumnExpression {
    const kind = isMask ? 'bool' : 'float64'
    const bytes = isMask ? 1 : numberBytes
    return {
      shape: { kind },
      run: vector => {
        const out = this.#machine.scratch.take(vector.rows * bytes)
        fill(vector, out)
        return { kind, at: out }
      },
    }
  }
}

const comparisons = new Set(['<', '<=', '>', '>=', '===', '!=='])

const columnKernels: Readonly<Record<string, keyof KernelExports>> = {
  '+': 'addF64',
  '-': 'subF64',
  '*': 'mulF64',
  '/': 'divF64',
  '%': 'remF64',
  '<': 'ltF64',
  '<=': 'leF64',
  '>': 'ltF64',
  '>=': 'leF64',
  '===': 'eqF64',
  '!==': 'eqF64',
}

const constantKernels: Readonly<Record<string, keyof KernelExports>> = {
  '+': 'addF64By',
  '-': 'subF64By',
  '*': 'mulF64By',
  '/': 'divF64By',
  '%': 'remF64By',
  '<': 'ltF64By',
  '<=': 'leF64By',
  '>': 'gtF64By',
  '>=': 'geF64By',
  '===': 'eqF64By',
  '!==': 'eqF64By',
}

/** `k op column` as `column op' k`, where the two are the same to the last bit. */
const mirror: Readonly<Record<string, string>> = {
  '+': '+',
  '*': '*',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
  '===': '===',
  '!==': '!==',
}

const fromKernels: Readonly<Record<string, keyof KernelExports>> = {
  '-': 'subF64From',
  '/': 'divF64From',
  '%': 'remF64From',
}

const mathKernels: Readonly<Record<string, keyof KernelExports>> = {
  abs: 'absF64',
  sqrt: 'sqrtF64',
  floor: 'floorF64',
  ceil: 'ceilF64',
  trunc: 'truncF64',
  round: 'roundF64',
  sign: 'signF64',
}

function constantOf(value: Primitive): ColumnExpression {
  return { shape: { kind: 'constant', value }, run: () => ({ kind: 'constant', value }) }
}

function numberOf({ shape }: ColumnExpression): number | undefined {
  return shape.kind === 'constant' && typeof shape.value === 'number' ? shape.value : undefined
}

/** Address of a column that is one. */
export function addressOf(value: ColumnValue): number {
  if (value.kind === 'float64' || value.kind === 'utf8' || value.kind === 'bool') return value.at
  throw new Error(`a ${value.kind} has no address`)
}
