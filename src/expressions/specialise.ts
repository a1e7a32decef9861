/**
 * Static types. An expression that has a type for the given parameter types computes a value of
 * that type for every row and never throws (but for texts longer than JavaScript allows), so that
 * kernels may compute any part of it for all rows, in any order, whether or not it is needed.
 */
import {
  type ColumnType,
  FIELDS_MAX,
  type StructField,
  TUPLE_ITEMS_MAX,
} from '../columnar/schema.ts'
import { evaluate, staysLeft } from './evaluate.ts'
import {
  type Binary,
  type Call,
  type Conditional,
  children,
  constant,
  type Expression,
  type GlobalCall,
  type Let,
  type Logical,
  local,
  substitute,
  type Unary,
  usesOf,
  withChildren,
} from './expression.ts'
import { globalFunctions, methods, patternCalls } from './methods.ts'
import {
  fieldOf,
  fits,
  isNeverEmpty,
  itemOf,
  NoType,
  refuse,
  resultOf,
  type Specialised,
  tupleAt,
  undefinedValue,
} from './specialise-parts.ts'
import { typeReasons as reasons } from './type-reasons.ts'
import {
  bool,
  float64,
  isNullable,
  isOnlyUndefined,
  isPrimitive,
  join,
  onlyUndefined,
  present,
  typeOfConstant,
  typeofText,
  utf8,
} from './types.ts'

export type { Specialised } from './specialise-parts.ts'

/** The reason in words why an expression has no static type. */
export interface Untyped {
  readonly reason: string
}

/**
 * The expression for parameters of the given types, simplified, with the type of its values; or the
 * reason in words why it has none. Parameters without a type are not given, hence undefined.
 *
 * @example
 * specialise(expression, [block.type])
 */
export function specialise(
  expression: Expression,
  parameters: readonly ColumnType[],
): Specialised | Untyped {
  try {
    return new Specialiser(parameters, localsOf(expression)).run(expression)
  } catch (error) {
    if (error instanceof NoType) return { reason: error.reason }
    throw error
  }
}

/**
 * The type of an expression's values for parameters of the given types, or the reason in words why
 * it has none.
 *
 * @example
 * typeOf(binary('+', parameter(0), constant(1)), [float64]) // { type: float64 }
 */
export function typeOf(
  expression: Expression,
  parameters: readonly ColumnType[],
): { readonly type: ColumnType } | Untyped {
  const answer = specialise(expression, parameters)
  return 'reason' in answer ? answer : { type: answer.type }
}

class Specialiser {
  readonly #parameters: readonly ColumnType[]
  readonly #locals = new Map<number, Specialised>()
  #nextLocal: number

  constructor(parameters: readonly ColumnType[], nextLocal: number) {
    this.#parameters = parameters
    this.#nextLocal = nextLocal
  }

  run(expression: Expression): Specialised {
    const answer = this.#typed(expression)
    return isConstant(answer.expression) ? answer : folded(answer)
  }

  #typed(expression: Expression): Specialised {
    switch (expression.kind) {
      case 'parameter': {
        const type = this.#parameters[expression.index] ?? onlyUndefined
        return isOnlyUndefined(type) ? undefinedValue : { expression, type }
      }
      case 'constant': {
        const type = typeOfConstant(expression.value)
        return { expression, type: type ?? refuse(reasons.bigConstant(expression.value as bigint)) }
      }
      case 'local':
        return this.#locals.get(expression.id)!
      case 'let':
        return this.#let(expression)
      case 'item':
      case 'field':
        return this.#part(expression)
      case 'tuple':
      case 'struct':
        return this.#row(expression)
      case 'call':
        return this.#call(expression)
      case 'math':
      case 'global':
        return this.#function(expression)
      case 'binary':
        return this.#binary(expression)
      case 'unary':
        return this.#unary(expression)
      case 'logical':
        return this.#logical(expression)
      case 'conditional':
        return this.#conditional(expression)
      case 'template': {
        const made = expression.values.map(value => this.#scalar(value, 'a template'))
        return { expression: rebuild(expression, made), type: utf8 }
      }
    }
  }

  /** A value that something is done with: it may be missing, but its kind is known. */
  #known(expression: Expression, what: string): Specialised {
    const made = this.run(expression)
    if (made.type.kind === 'any') refuse(reasons.unknownValues(`a part of ${what}`))
    if (made.type.kind === 'absent' && !isNullable(made.type))
      refuse(reasons.noValues(`a part of ${what}`))
    return made
  }

  /** A value without missing rows. */
  #value(expression: Expression, what: string): Specialised {
    const made = this.#known(expression, what)
    if (isNullable(made.type)) refuse(reasons.nullable(`a part of ${what}`, made.type))
    return made
  }

  /** Text, numbers, booleans or bigints without missing rows. */
  #scalar(expression: Expression, what: string): Specialised {
    const made = this.#value(expression, what)
    if (!isPrimitive(made.type)) refuse(reasons.wrongKind(what, made.type))
    return made
  }

  #let(expression: Let): Specialised {
    const value = this.run(expression.value)
    // A tuple or struct goes by its parts, so that reading one of them computes no other.
    const isRow = /^(?:tuple|struct)$/.test(value.expression.kind)
    const computed: { readonly id: number; readonly value: Expression }[] = []
    const named = (id: number, part: Expression): Expression => {
      if (isPath(part)) return part
      computed.push({ id, value: part })
      return local(id)
    }
    const made = isRow
      ? withChildren(
          value.expression,
          children(value.expression).map(part => named(this.#nextLocal++, part)),
        )
      : named(expression.id, value.expression)
    this.#locals.set(expression.id, { ...value, expression: made })
    const body = this.run(expression.body)
    return {
      ...body,
      expression: computed.reduceRight((inner, { id, value }) => {
        // What is typed can't throw, so a value that is used once may move to its use.
        return usesOf(id, inner) > 1
          ? { kind: 'let', id, value, body: inner }
          : substitute(id, value, inner)
      }, body.expression),
    }
  }

  #part(expression: Extract<Expression, { kind: 'item' | 'field' }>): Specialised {
    const what =
      expression.kind === 'item' ? `[${expression.index}]` : `the property ${expression.name}`
    const of = this.#value(expression.of, what)
    const made = rebuild(expression, [of])
    if (expression.kind === 'item') {
      if (expression.access === 'iterate') {
        if (of.type.kind === 'utf8') refuse(reasons.codePoints())
        if (of.type.kind !== 'tuple' && of.type.kind !== 'list')
          refuse(reasons.notIterable(of.type))
      }
      return itemOf(of, expression.index) ?? fieldOf(of, String(expression.index), made)
    }
    return fieldOf(of, expression.name, made)
  }

  #row(expression: Extract<Expression, { kind: 'tuple' | 'struct' }>): Specialised {
    const made = children(expression).map(one => this.run(one))
    const missing = { nulls: false, undefineds: false }
    if (expression.kind === 'tuple') {
      if (made.length < 1 || made.length > TUPLE_ITEMS_MAX) refuse(reasons.tupleSize(made.length))
      const items = made.map(one => one.type)
      return { expression: rebuild(expression, made), type: { kind: 'tuple', items, ...missing } }
    }
    if (made.length < 1 || made.length > FIELDS_MAX) refuse(reasons.structSize(made.length))
    const types = expression.fields.map(({ name }, i) => [name, made[i]!.type] as const)
    // An object literal puts keys that are whole numbers first.
    const fields: StructField[] = Object.entries(Object.fromEntries(types)).map(([name, type]) => ({
      name,
      type,
    }))
    const shapes = [fields.map((_, i) => i)]
    return {
      expression: rebuild(expression, made),
      type: { kind: 'struct', fields, shapes, ...missing },
    }
  }

  #call(expression: Call): Specialised {
    const { method } = expression
    const of = this.#value(expression.of, method)
    const args = expression.args.map(one => this.#value(one, method))
    const made = rebuild(expression, [of, ...args])
    if (of.type.kind === 'tuple' && method === 'at') return tupleAt(of, args)
    const kind = of.type.kind
    const known = patternCalls.get(method) ?? methods.get(method)
    const signature = known?.signatures.find(({ on }) => on === kind)
    if (!signature) refuse(reasons.noMethod(method, of.type))
    if (args.length < signature.required || args.length > signature.args.length)
      refuse(reasons.argumentCount(method))
    args.forEach((arg, i) => {
      if (!fits(signature.args[i]!, arg.type, of.type)) refuse(reasons.argument(method, arg.type))
    })
    const hazard = signature.hazard?.(args.map(one => one.expression))
    if (hazard) refuse(reasons.hazard(method, hazard))
    const type = resultOf(signature, of.type, method)
    return { expression: made, type, notEmpty: isNeverEmpty(made) }
  }

  #function(expression: Extract<Expression, { kind: 'math' }> | GlobalCall): Specialised {
    const isMath = expression.kind === 'math'
    const what = isMath ? `Math.${expression.fn}` : expression.fn
    const known = isMath ? undefined : globalFunctions.get(expression.fn)!
    const args = expression.args.map(one =>
      what === 'Boolean' ? this.#truth(one, what) : this.#known(one, what),
    )
    // A default, as the radix of parseInt, may be given as undefined.
    while (known && args.length > known.argsMin && isOnlyUndefined(args.at(-1)!.type)) args.pop()
    args.forEach(({ type }, i) => {
      const isRead = i === 0 && /^(?:Number|(?:Number\.)?parse(?:Float|Int))$/.test(what)
      // What is missing is read as a number too: NaN, or 0.
      if (isNullable(type) && !isRead) refuse(reasons.nullable(`an argument of ${what}`, type))
      const kinds: readonly string[] = i === 0 && known ? known.on : ['float64']
      if (!kinds.includes(type.kind)) refuse(reasons.argument(what, type))
    })
    const type = { utf8, float64, bool }[known?.result ?? 'float64']
    return { expression: { ...expression, args: args.map(one => one.expression) }, type }
  }

  #binary(expression: Binary): Specialised {
    const { operator } = expression
    if (/^[!=]==?$/.test(operator)) return this.#equality(expression)
    const left = this.#scalar(expression.left, operator)
    const right = this.#scalar(expression.right, operator)
    const made = rebuild(expression, [left, right])
    const { kind } = left.type
    if (operator === '+' && kind !== right.type.kind && [kind, right.type.kind].includes('utf8')) {
      const values = [left.expression, right.expression]
      return { expression: { kind: 'template', texts: ['', '', ''], values }, type: utf8 }
    }
    if (kind !== right.type.kind) refuse(reasons.mixed(operator, left.type, right.type))
    if (/^[<>]=?$/.test(operator)) return { expression: made, type: bool }
    if (kind === 'utf8' && operator === '+') return { expression: made, type: utf8 }
    if (kind === 'float64') return { expression: made, type: float64 }
    if (kind !== 'int64') refuse(reasons.wrongKind(operator, left.type))
    if (!/^[&|^]$/.test(operator)) refuse(reasons.overflow(operator))
    return { expression: made, type: left.type }
  }

  #equality(expression: Binary): Specialised {
    const { operator } = expression
    const left = this.#known(expression.left, operator)
    const right = this.#known(expression.right, operator)
    const made = rebuild(expression, [left, right])
    const isStrict = operator.length === 3
    for (const [one, other] of [
      [left, right],
      [right, left],
    ] as const) {
      const test = one.expression
      if (test.kind !== 'constant' || (test.value !== null && test.value !== undefined)) continue
      const { nulls, undefineds } = other.type
      const [equal, unequal] = isStrict
        ? test.value === null
          ? [nulls, undefineds]
          : [undefineds, nulls]
        : [nulls || undefineds, false]
      const always = other.type.kind === 'absent' && equal && !unequal
      if (!equal) return answer(operator.startsWith('!'))
      return always ? answer(operator.startsWith('=')) : { expression: made, type: bool }
    }
    for (const { type } of [left, right])
      if (isNullable(type)) refuse(reasons.nullable(`a part of ${operator}`, type))
    if (left.type.kind !== right.type.kind) refuse(reasons.mixed(operator, left.type, right.type))
    if (!isPrimitive(left.type)) refuse(reasons.identity(operator, left.type))
    return { expression: made, type: bool }
  }

  #unary(expression: Unary): Specialised {
    const { operator } = expression
    if (operator === 'typeof') {
      const { type } = this.run(expression.of)
      const text = typeofText(type) ?? refuse(reasons.typeofMixed(type))
      return { expression: constant(text), type: utf8 }
    }
    if (operator === '!') {
      const of = this.#truth(expression.of, '!')
      if (isNullable(of.type)) refuse(reasons.nullable('a part of !', of.type))
      return isPrimitive(of.type)
        ? { expression: rebuild(expression, [of]), type: bool }
        : answer(false)
    }
    // What is missing is a number for +: NaN, or 0.
    const of =
      operator === '+'
        ? this.#known(expression.of, operator)
        : this.#scalar(expression.of, operator)
    const { kind } = of.type
    const made = rebuild(expression, [of])
    if (operator === '+' && isNullable(of.type) && !/^(?:utf8|float64)$/.test(kind))
      refuse(reasons.nullable('a part of +', of.type))
    if (operator === '+' && kind === 'utf8') return { expression: made, type: float64 }
    if (kind === 'float64') return { expression: made, type: float64 }
    if (kind !== 'int64' || operator === '+') refuse(reasons.wrongKind(operator, of.type))
    return operator === '~' ? { expression: made, type: of.type } : refuse(reasons.overflow('-'))
  }

  #logical(expression: Logical): Specialised {
    const { operator } = expression
    const left = this.#known(expression.left, operator)
    if (operator === '??') {
      if (!isNullable(left.type)) return left
      const right = this.run(expression.right)
      if (left.type.kind === 'absent') return right
      const type = join(present(left.type), right.type)
      if (!type) refuse(reasons.mixed(operator, left.type, right.type))
      return { expression: rebuild(expression, [left, right]), type }
    }
    if (left.expression.kind === 'constant')
      return staysLeft[operator](left.expression.value) ? left : this.run(expression.right)
    if (isNullable(left.type)) refuse(reasons.nullable(`a part of ${operator}`, left.type))
    // Objects are true, whatever they hold.
    if (!isPrimitive(left.type)) return operator === '||' ? left : this.run(expression.right)
    const right = this.run(expression.right)
    const type = join(left.type, right.type)
    if (!type) refuse(reasons.mixed(operator, left.type, right.type))
    return { expression: rebuild(expression, [left, right]), type }
  }

  /** A value of which only its truth matters: the two sides of && and || may be of two kinds. */
  #truth(expression: Expression, what: string): Specialised {
    if (expression.kind !== 'logical' || expression.operator === '??') {
      return this.#known(expression, what)
    }
    const { operator } = expression
    const left = this.#truth(expression.left, operator)
    if (isConstant(left.expression)) {
      return staysLeft[operator](evaluate(left.expression, []))
        ? left
        : this.#truth(expression.right, operator)
    }
    if (isNullable(left.type)) refuse(reasons.nullable(`a part of ${operator}`, left.type))
    if (!isPrimitive(left.type)) {
      return operator === '||' ? left : this.#truth(expression.right, operator)
    }
    const right = this.#truth(expression.right, operator)
    if (isNullable(right.type)) refuse(reasons.nullable(`a part of ${operator}`, right.type))
    const sides = left.type.kind === right.type.kind ? [left, right] : [left, right].map(asBool)
    return { expression: rebuild(expression, sides), type: sides[0]!.type }
  }

  #conditional(expression: Conditional): Specialised {
    const test = this.#truth(expression.test, 'a condition')
    const { whenTrue, whenFalse } = expression
    if (isConstant(test.expression))
      return this.run(evaluate(test.expression, []) ? whenTrue : whenFalse)
    if (isNullable(test.type)) refuse(reasons.nullable('a condition', test.type))
    if (!isPrimitive(test.type)) return this.run(whenTrue)
    const yes = this.run(whenTrue)
    const no = this.run(whenFalse)
    const type = join(yes.type, no.type)
    if (!type) refuse(reasons.mixed('a condition', yes.type, no.type))
    return { expression: rebuild(expression, [test, yes, no]), type }
  }
}

/** A number above those of all locals. */
const localsOf = (expression: Expression): number =>
  children(expression).reduce(
    (most, child) => Math.max(most, localsOf(child)),
    expression.kind === 'let' ? expression.id + 1 : 0,
  )

const answer = (value: boolean): Specialised => ({ expression: constant(value), type: bool })

/** A value as a boolean: text, numbers, bigints and objects by their truth. */
function asBool(made: Specialised): Specialised {
  if (made.type.kind === 'bool') return made
  if (!isPrimitive(made.type)) return answer(true)
  if (isConstant(made.expression)) return answer(Boolean(evaluate(made.expression, [])))
  return { expression: { kind: 'global', fn: 'Boolean', args: [made.expression] }, type: bool }
}

const isConstant = (expression: Expression): boolean => expression.kind === 'constant'

/** Costs nothing to compute twice. */
function isPath(expression: Expression): boolean {
  if (expression.kind === 'item' || expression.kind === 'field') return isPath(expression.of)
  return /^(?:parameter|constant|local)$/.test(expression.kind)
}

const rebuild = (expression: Expression, made: readonly Specialised[]): Expression =>
  withChildren(
    expression,
    made.map(one => one.expression),
  )

/** Operators and functions of constants are computed at once. */
function folded(made: Specialised): Specialised {
  const parts = children(made.expression)
  const canFold = /^(?:binary|unary|math|global|template|call)$/.test(made.expression.kind)
  if (!canFold || !parts.every(isConstant) || made.type.kind === 'list') return made
  return { expression: constant(evaluate(made.expression, []) as string), type: made.type }
}
