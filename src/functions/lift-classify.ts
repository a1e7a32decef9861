/** Which entry of the table a piece of syntax asks for, by what its names stand for. */
import { globalFunctions, mathFunctions, methods } from '../expressions/index.ts'
import { type Captured, type CapturedFunction, propertyOf } from './lift-captured.ts'
import { callee, keyOf, type Lifter, nameOf, type Scope } from './lift-scope.ts'
import type { Syntax } from './syntax.ts'

/** Constants that every worker has. */
export const namedConstants: ReadonlyMap<string, number | undefined> = new Map<
  string,
  number | undefined
>([
  ['undefined', undefined],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ...['E', 'LN10', 'LN2', 'LOG10E', 'LOG2E', 'PI', 'SQRT1_2', 'SQRT2'].map(
    name => [`Math.${name}`, Math[name as 'PI']] as const,
  ),
  ...['EPSILON', 'MAX_SAFE_INTEGER', 'MIN_SAFE_INTEGER', 'MAX_VALUE', 'MIN_VALUE'].map(
    name => [`Number.${name}`, Number[name as 'EPSILON']] as const,
  ),
  ...['NaN', 'POSITIVE_INFINITY', 'NEGATIVE_INFINITY'].map(
    name => [`Number.${name}`, Number[name as 'NaN']] as const,
  ),
])

/** The captured value that a name or a path of properties stands for. */
export function capturedAt(node: Syntax, fn: CapturedFunction, scope: Scope): Captured | undefined {
  if (node.type === 'Identifier')
    return scope.get(node['name']) === undefined ? fn.captured(node['name']) : undefined
  if (node.type !== 'MemberExpression' || node['optional']) return undefined
  const key = keyOf(node)
  const of = key === undefined ? undefined : capturedAt(node['object'], fn, scope)
  return of && propertyOf(of, key!)
}

/** The path of a name that every worker has, such as `Math.max`. */
export function globalAt(node: Syntax, fn: CapturedFunction, scope: Scope): string | undefined {
  const captured = capturedAt(node, fn, scope)
  if (captured) return captured.is === 'global' ? captured.path : undefined
  if (node.type === 'Identifier') {
    const name: string = node['name']
    return scope.get(name) === undefined && fn.analysis.free.has(name) && !fn.captured(name)
      ? name
      : undefined
  }
  if (node.type !== 'MemberExpression' || node['optional']) return undefined
  const key = keyOf(node)
  const of = key === undefined ? undefined : globalAt(node['object'], fn, scope)
  return of && `${of}.${key}`
}

/** The name in the table for a function that every worker has. */
export function globalKey(path: string): string | undefined {
  if (path.startsWith('Math.') && mathFunctions.has(path.slice(5))) return path
  return globalFunctions.has(path) ? path : undefined
}

export const isPrimitiveValue = (value: unknown): value is string =>
  value === null || !/^(?:object|function|symbol)$/.test(typeof value)

const isConstant = (captured: Captured | undefined): boolean =>
  captured?.is === 'data' && isPrimitiveValue(captured.value)

/**
 * The key under which the table lists a node, such as `BinaryExpression +` or `call .split`; the
 * type alone where nothing more matters.
 */
export function classify(node: Syntax, { fn }: Lifter, scope: Scope): string {
  switch (node.type) {
    case 'Literal':
      return node['regex'] ? 'regex' : 'Literal'
    case 'Identifier': {
      const name: string = node['name']
      if (scope.get(name) !== undefined) return 'local'
      if (isConstant(fn.captured(name))) return 'captured'
      return namedConstants.has(globalAt(node, fn, scope) ?? '') ? 'named constant' : 'Identifier'
    }
    case 'MemberExpression': {
      if (isConstant(capturedAt(node, fn, scope))) return 'captured path'
      const path = globalAt(node, fn, scope)
      if (path !== undefined) return namedConstants.has(path) ? 'named constant' : 'global'
      return 'member'
    }
    case 'CallExpression':
      return classifyCall(node, fn, scope)
    case 'BinaryExpression':
    case 'UnaryExpression':
    case 'LogicalExpression':
      return `${node.type} ${node['operator']}`
    default:
      return node.type
  }
}

function classifyCall(node: Syntax, fn: CapturedFunction, scope: Scope): string {
  const called = callee(node)
  const captured = capturedAt(called, fn, scope)
  if (captured?.is === 'function') return 'helper'
  const path = globalAt(called, fn, scope)
  const known = path && globalKey(path)
  if (known) return `call ${known}`
  if (called.type !== 'MemberExpression') return 'unknown call'
  // A method of something captured that is no constant, such as a Set's.
  const receiver = capturedAt(called['object'], fn, scope)
  if (captured || (receiver && !isConstant(receiver))) return 'unknown call'
  if (path && !namedConstants.has(globalAt(called['object'], fn, scope)!)) return 'unknown call'
  const method = keyOf(called)
  return method !== undefined && methods.has(method) ? `call .${method}` : 'unknown call'
}

/** How a call is written, for reasons. */
export const calledName = (node: Syntax): string => nameOf(callee(node))
