/** The reference interpreter: slow and plain, what every kernel is compared with. */
import type {
  BinaryOperator,
  Expression,
  LogicalOperator,
  Primitive,
  UnaryOperator,
} from './expression.ts'
import { globalFunctions, mathFunctions, methods, patternCalls } from './methods.ts'

/** JavaScript's operators as functions. */
export const binaryOperators: Readonly<Record<BinaryOperator, (a: any, b: any) => Primitive>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '**': (a, b) => a ** b,
  '&': (a, b) => a & b,
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
  '<<': (a, b) => a << b,
  '>>': (a, b) => a >> b,
  '>>>': (a, b) => a >>> b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '===': (a, b) => a === b,
  '!==': (a, b) => a !== b,
  // biome-ignore lint/suspicious/noDoubleEquals: this is the meaning of the user's own ==.
  '==': (a, b) => a == b,
  // biome-ignore lint/suspicious/noDoubleEquals: this is the meaning of the user's own !=.
  '!=': (a, b) => a != b,
}

export const unaryOperators: Readonly<Record<UnaryOperator, (a: any) => Primitive>> = {
  '-': a => -a,
  '+': a => +a,
  '!': a => !a,
  '~': a => ~a,
  typeof: a => typeof a,
}

/**
 * Whether the left value of a logical operator is the result, so that the right is not looked
 * at.
 */
export const staysLeft: Readonly<Record<LogicalOperator, (left: unknown) => boolean>> = {
  '&&': left => !left,
  '||': left => Boolean(left),
  '??': left => left !== null && left !== undefined,
}

/**
 * The value of an expression for the given parameters, exactly as JavaScript computes it. Throws
 * what JavaScript would throw.
 *
 * @example
 * evaluate(lift(fn).expression, [row])
 */
export function evaluate(expression: Expression, parameters: readonly unknown[]): unknown {
  return new Interpreter(parameters).run(expression)
}

class Interpreter {
  readonly #parameters: readonly unknown[]
  readonly #locals = new Map<number, unknown>()

  constructor(parameters: readonly unknown[]) {
    this.#parameters = parameters
  }

  run(expression: Expression): any {
    switch (expression.kind) {
      case 'parameter':
        return this.#parameters[expression.index]
      case 'constant':
        return expression.value
      case 'local':
        return this.#locals.get(expression.id)
      case 'let':
        this.#locals.set(expression.id, this.run(expression.value))
        return this.run(expression.body)
      case 'item': {
        const of = this.run(expression.of)
        return expression.access === 'index' ? of[expression.index] : nth(of, expression.index)
      }
      case 'field':
        return this.run(expression.of)[expression.name]
      case 'tuple':
        return this.#all(expression.items)
      case 'struct':
        return this.#struct(expression.fields)
      case 'call': {
        const pattern = patternCalls.get(expression.method)
        if (pattern) return pattern.of(this.run(expression.of))
        if (!methods.has(expression.method)) throw new TypeError(`no method ${expression.method}`)
        const of = this.run(expression.of)
        // JavaScript looks the method up before it evaluates the arguments.
        const method = of[expression.method]
        return Reflect.apply(method, of, this.#all(expression.args))
      }
      case 'math':
        return mathFunctions.get(expression.fn)!.of(...this.#all(expression.args))
      case 'global':
        return globalFunctions.get(expression.fn)!.of(...this.#all(expression.args))
      case 'binary': {
        const left = this.run(expression.left)
        return binaryOperators[expression.operator](left, this.run(expression.right))
      }
      case 'unary':
        return unaryOperators[expression.operator](this.run(expression.of))
      case 'logical': {
        const left = this.run(expression.left)
        return staysLeft[expression.operator](left) ? left : this.run(expression.right)
      }
      case 'conditional':
        return this.run(expression.test)
          ? this.run(expression.whenTrue)
          : this.run(expression.whenFalse)
      case 'template': {
        const { texts, values } = expression
        return values.reduce(
          (text: string, value, i) => `${text}${this.run(value)}${texts[i + 1]}`,
          texts[0]!,
        )
      }
    }
  }

  #all(expressions: readonly Expression[]): any[] {
    return expressions.map(one => this.run(one))
  }

  #struct(fields: readonly { readonly name: string; readonly value: Expression }[]): object {
    const made: Record<string, unknown> = {}
    for (const { name, value } of fields) made[name] = this.run(value)
    return made
  }
}

/** What an array pattern puts in its place `index`. */
function nth(of: Iterable<unknown>, index: number): unknown {
  let i = 0
  for (const value of of) if (i++ === index) return value
  return undefined
}
