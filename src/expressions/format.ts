/** Expressions as JavaScript text, for people and as keys of caches. */
import type { Expression, Primitive } from './expression.ts'
import { patternCalls } from './methods.ts'

/**
 * JavaScript that computes the expression. Parameters are `$0`, `$1`, …, locals `v0`, `v1`, …
 * Different expressions have different texts.
 *
 * @example
 * format(lift(line => line.split(' ')).expression) // `$0.split(" ")`
 */
export function format(expression: Expression): string {
  switch (expression.kind) {
    case 'parameter':
      return `$${expression.index}`
    case 'constant':
      return formatPrimitive(expression.value)
    case 'local':
      return `v${expression.id}`
    case 'let':
      return `(v${expression.id} => ${inBody(expression.body)})(${format(expression.value)})`
    case 'item':
      return expression.access === 'index'
        ? `${receiver(expression.of)}[${expression.index}]`
        : `[...${receiver(expression.of)}][${expression.index}]`
    case 'field':
      return isName(expression.name)
        ? `${receiver(expression.of)}.${expression.name}`
        : `${receiver(expression.of)}[${JSON.stringify(expression.name)}]`
    case 'tuple':
      return `[${list(expression.items)}]`
    case 'struct': {
      const fields = expression.fields.map(({ name, value }) => {
        const key = isName(name) ? name : JSON.stringify(name)
        return `${key}: ${format(value)}`
      })
      return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`
    }
    case 'call':
      return patternCalls.has(expression.method)
        ? `${receiver(expression.of)}.${expression.method}`
        : `${receiver(expression.of)}.${expression.method}(${list(expression.args)})`
    case 'math':
      return `Math.${expression.fn}(${list(expression.args)})`
    case 'global':
      return `${expression.fn}(${list(expression.args)})`
    case 'binary':
    case 'logical':
      return `${operand(expression.left)} ${expression.operator} ${operand(expression.right)}`
    case 'unary': {
      const space = expression.operator === 'typeof' ? ' ' : ''
      return `${expression.operator}${space}${operand(expression.of)}`
    }
    case 'conditional': {
      const { test, whenTrue, whenFalse } = expression
      return `${operand(test)} ? ${operand(whenTrue)} : ${operand(whenFalse)}`
    }
    case 'template': {
      const { texts, values } = expression
      const parts = values.map((value, i) => `\${${format(value)}}${escaped(texts[i + 1]!)}`)
      return `\`${escaped(texts[0]!)}${parts.join('')}\``
    }
  }
}

function formatPrimitive(value: Primitive): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'bigint') return `${value}n`
  return Object.is(value, -0) ? '-0' : String(value)
}

const isName = (name: string): boolean => /^[A-Za-z_$][\w$]*$/.test(name)
const list = (expressions: readonly Expression[]): string => expressions.map(format).join(', ')
/** A body that opens with a brace would be a block. */
const inBody = (body: Expression): string => {
  const text = format(body)
  return text.startsWith('{') ? `(${text})` : text
}

/** Text for a place in an operator: in parentheses unless it is one word or one call. */
function operand(expression: Expression): string {
  const simple =
    expression.kind === 'constant'
      ? !isNegative(expression.value)
      : !/^(?:binary|logical|unary|conditional|let)$/.test(expression.kind)
  return simple ? format(expression) : `(${format(expression)})`
}

/** Text before a dot; `1.a` and `{}.a` would not parse. */
function receiver(expression: Expression): string {
  const bare = /^(?:parameter|local|item|field|tuple|call|math|global|template)$/
  const isText = expression.kind === 'constant' && typeof expression.value === 'string'
  return isText || bare.test(expression.kind) ? format(expression) : `(${format(expression)})`
}

const isNegative = (value: Primitive): boolean =>
  (typeof value === 'number' || typeof value === 'bigint') && formatPrimitive(value).startsWith('-')

/** JSON's escapes are JavaScript's; a template has two more characters to escape. */
function escaped(text: string): string {
  const quoted = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"')
  return quoted.replaceAll('`', '\\`').replaceAll('${', '\\${')
}
