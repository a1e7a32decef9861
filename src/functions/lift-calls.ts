/** The table of what is liftable, continued: calls of methods, of functions, and of helpers. */
import {
  type Expression,
  globalFunctions,
  mathFunctions,
  methods,
  patternCalls,
  type Signature,
  takesArguments,
} from '../expressions/index.ts'
import { calledName, capturedAt, globalAt, globalKey } from './lift-classify.ts'
import type { ExpressionForm } from './lift-forms.ts'
import { callee, keyOf, type Lifter, reasons, type Scope } from './lift-scope.ts'
import type { Syntax } from './syntax.ts'

/** The call of a method of the table on a value that is lifted already. */
export function methodCall(node: Syntax, of: Expression, lifter: Lifter, scope: Scope): Expression {
  const method = keyOf(callee(node))
  if (method === undefined) lifter.refuse(reasons.computedCall(), node)
  const known = methods.get(method) ?? lifter.refuse(reasons.call(calledName(node)), node)
  const pattern = patternCall(method, node)
  if (pattern) return { kind: 'call', method: pattern, of, args: [] }
  const args = argumentsOf(node, lifter, scope)
  if (!takesArguments(known, args.length))
    lifter.refuse(reasons.argumentCount(calledName(node), args.length), node)
  return { kind: 'call', method, of, args }
}

/** The known call with a regular expression that this is, if it is one. */
function patternCall(method: string, node: Syntax): string | undefined {
  const [first, ...more] = node['arguments'] as Syntax[]
  const written = first?.['regex'] as { pattern: string; flags: string } | undefined
  if (!written || more.length > 0) return undefined
  const name = `${method}(/${written.pattern}/${written.flags})`
  return patternCalls.has(name) ? name : undefined
}

function argumentsOf(node: Syntax, lifter: Lifter, scope: Scope): Expression[] {
  return node['arguments'].map((one: Syntax) => lifter.expression(one, scope))
}

/** The call of a function of `Math`, or one that stands by itself, with these arguments. */
export function functionCall(key: string, args: readonly Expression[]): Expression | undefined {
  const isMath = key.startsWith('Math.')
  const fn = isMath ? key.slice(5) : key
  const known = isMath ? mathFunctions.get(fn)! : globalFunctions.get(fn)!
  if (args.length < known.argsMin || args.length > known.argsMax) return undefined
  return { kind: isMath ? 'math' : 'global', fn, args }
}

const buildFunctionCall: ExpressionForm['build'] = (node, lifter, scope) => {
  const key = globalKey(globalAt(callee(node), lifter.fn, scope)!)!
  const args = argumentsOf(node, lifter, scope)
  return (
    functionCall(key, args) ??
    lifter.refuse(reasons.argumentCount(calledName(node), args.length), node)
  )
}

const holes: Readonly<Record<string, string>> = {
  utf8: '$text',
  float64: '$number',
  bool: '$bool',
  item: '$text',
  list: '$list',
  texts: 'list',
  same: 'list',
}
const kinds: Readonly<Record<string, string>> = { utf8: 'text', float64: 'number', bool: 'bool' }

/** A pattern for each number of arguments; lengths beyond which JavaScript throws stay small. */
function methodPatterns(name: string, { on, args, required, result, hazard }: Signature): string[] {
  if (!(on in holes)) return []
  const list: string[] = []
  for (let count = required; count <= Math.min(args.length, required + 2); count++) {
    const drawn = args
      .slice(0, count)
      .map((kind, i) => (hazard && i === 0 && kind === 'float64' ? '3' : holes[kind]))
    const kind = kinds[result] ?? (/^(?:texts|same)$/.test(result) ? 'list' : 'any')
    list.push(`${kind}: (${holes[on]}).${name}(${drawn.join(', ')})`)
  }
  return list
}

const methodForms: readonly ExpressionForm[] = [...methods].map(([name, method]) => ({
  name: `.${name}()`,
  example: method.example,
  keys: [`call .${name}`],
  patterns: [
    ...method.signatures.flatMap(signature => methodPatterns(name, signature)),
    ...[...patternCalls.keys()]
      .filter(call => call.startsWith(`${name}(`))
      .map(call => `list: ($text).${call}`),
  ],
  build: (node, lifter, scope) =>
    methodCall(node, lifter.expression(callee(node)['object'], scope), lifter, scope),
}))

const mathForms: readonly ExpressionForm[] = [...mathFunctions].map(
  ([name, { argsMin, argsMax }]) => {
    const two = argsMin > 1 || argsMax > 2
    return {
      name: `Math.${name}`,
      example: two ? `x => Math.${name}(x, 2)` : `x => Math.${name}(x)`,
      keys: [`call Math.${name}`],
      patterns: [`number: Math.${name}($number${two ? ', $number' : ''})`],
      build: buildFunctionCall,
    }
  },
)

const globalForms: readonly ExpressionForm[] = [...globalFunctions].map(
  ([name, { on, result, example, argsMax }]) => ({
    name,
    example,
    keys: [`call ${name}`],
    patterns: [
      `${kinds[result]}: ${name}(${holes[on[0]!]})`,
      ...(argsMax === 2 ? [`${kinds[result]}: ${name}(${holes[on[0]!]}, 10)`] : []),
    ],
    build: buildFunctionCall,
  }),
)

const helperForm: ExpressionForm = {
  name: 'helper function',
  example: 'w => tidy(w)',
  captured: { tidy: (w: string) => w.trim().toLowerCase() },
  keys: ['helper'],
  patterns: ['text: tidy($text)', 'any: between($number, 1)'],
  build(node, lifter, scope) {
    const helper = capturedAt(callee(node), lifter.fn, scope)
    if (helper?.is !== 'function') return lifter.refuse(reasons.call(calledName(node)), node)
    return lifter.inline(helper, argumentsOf(node, lifter, scope), node)
  },
}

/** Forms of calls. */
export const callForms: readonly ExpressionForm[] = [
  ...methodForms,
  ...mathForms,
  ...globalForms,
  helperForm,
]
