/** Walks one function and the helpers it captured, and throws `Impure` at the first doubt. */
import { TUPLE_ITEMS_MAX } from '../columnar/schema.ts'
import { type Captured, type CapturedFunction, hasStatefulRegex, lineOf } from './lift-captured.ts'
import { capturedAt, globalAt } from './lift-classify.ts'
import { callee, keyOf, nameOf, Scope } from './lift-scope.ts'
import {
  callbackMethods,
  forbiddenProperties,
  freshOnly,
  fromTheStart,
  isRandom,
  makesArray,
  oneArgument,
  pureClasses,
  pureConstants,
  pureFunctions,
  pureMethods,
  pureSyntax,
  regexMethods,
  tellsTime,
} from './purity-known.ts'
import { Locals, resultsOf } from './purity-locals.ts'
import { purityReasons as reasons } from './purity-reasons.ts'
import type { Syntax } from './syntax.ts'

/** Thrown where a function is not known to be pure. */
export class Impure {
  readonly reason: string
  readonly line: number | undefined
  constructor(reason: string, line?: number) {
    this.reason = reason
    this.line = line
  }
}

/** What the checks of a function and its helpers share. */
export interface Shared {
  readonly seen: Set<number>
  /** Captured data that is used. */
  readonly data: Set<unknown>
  usesRegexMethods: boolean
}

const noScope = new Scope()
const isFunction = (node: Syntax | undefined): boolean => /Function/.test(node?.type ?? '')

/** The check of one function. */
export class Check {
  readonly #fn: CapturedFunction
  readonly #shared: Shared
  readonly #locals: Locals

  constructor(fn: CapturedFunction, shared: Shared) {
    this.#fn = fn
    this.#shared = shared
    this.#locals = new Locals(fn.analysis.node)
  }

  /**
   * What holds for the function that the engine calls, not for its helpers.
   *
   * @returns how many items the arrays have that it makes; undefined where it makes none.
   */
  signature(arity: number): number | undefined {
    const { node } = this.#fn.analysis
    const parameters: readonly Syntax[] = node['params'] ?? []
    if (parameters.length > arity) this.#refuse(reasons.parameters(parameters.length, arity), node)
    if (parameters.at(-1)?.type === 'RestElement') this.#refuse(reasons.rest(), node)
    const results = resultsOf(node)
    const [first] = results
    const items = first && itemsOf(first)
    if (items !== undefined && results.every(result => itemsOf(result) === items)) return items
    for (const result of results)
      if (/^(?:Object|Array|New)Expression$/.test(result.type))
        this.#refuse(reasons.object(), result)
    return undefined
  }

  run(): void {
    if (this.#shared.seen.has(this.#fn.id)) return
    this.#shared.seen.add(this.#fn.id)
    const { refusal, node } = this.#fn.analysis
    if (refusal)
      throw new Impure(refusal.what.replace(/^the function /, ''), lineOf(this.#fn, refusal.offset))
    this.#visit(node)
  }

  #refuse(reason: string, node: Syntax): never {
    throw new Impure(reason, lineOf(this.#fn, node.start - this.#fn.analysis.base))
  }

  #visit(node: Syntax | null | undefined): void {
    if (!node) return
    const special = this.#specials[node.type]
    if (special) special(node)
    else if (!pureSyntax.has(node.type)) this.#refuse(reasons.syntax(node.type), node)
    else if (node['async'] || node['generator']) this.#refuse(reasons.async(), node)
    else this.#children(node)
  }

  /** Visits a node of a type that needs a look of its own. */
  readonly #specials: Readonly<Record<string, (node: Syntax) => void>> = {
    Identifier: node => this.#name(node),
    MemberExpression: node => this.#member(node),
    CallExpression: node => this.#call(node),
    NewExpression: node => this.#new(node),
    ForOfStatement: node => this.#loop(node),
    ForStatement: node => this.#loop(node),
    ForInStatement: node => this.#refuse(reasons.loop(), node),
    WhileStatement: node => this.#refuse(reasons.loop(), node),
    DoWhileStatement: node => this.#refuse(reasons.loop(), node),
    ThisExpression: node => this.#refuse(reasons.this(), node),
    UpdateExpression: node => this.#target(node['argument']),
    AssignmentExpression: node => {
      this.#target(node['left'])
      this.#visit(node['right'])
    },
    UnaryExpression: node => {
      if (node['operator'] === 'delete') this.#refuse(reasons.delete(), node)
      this.#visit(node['argument'])
    },
    Literal: node => {
      if (/[gy]/.test(node['regex']?.flags ?? ''))
        this.#refuse(reasons.statefulRegex('a regular expression'), node)
    },
  }

  #children(node: Syntax): void {
    for (const key in node) {
      // Names of properties and labels stand for themselves.
      if (key === 'label' || key === 'range') continue
      if (key === 'key' && node.type === 'Property' && !node['computed']) continue
      const child = node[key]
      if (Array.isArray(child)) for (const one of child) this.#visit(one)
      else if (typeof child?.type === 'string') this.#visit(child)
    }
  }

  #loop(node: Syntax): void {
    const isForever = node.type === 'ForStatement' && !node['test']
    if (node['await'] || isForever) this.#refuse(reasons.loop(), node)
    if (node['left'] && node['left'].type !== 'VariableDeclaration') this.#target(node['left'])
    this.#children(node)
  }

  /** Assigning a variable of this very call is nobody's business but its own. */
  #target(node: Syntax): void {
    if (node.type === 'MemberExpression') this.#refuse(reasons.write('a property'), node)
    if (node.type === 'Identifier') {
      if (this.#locals.isFunction(node['name'])) this.#refuse(reasons.write(node['name']), node)
      this.#name(node)
    } else if (node.type === 'AssignmentPattern') {
      this.#target(node['left'])
      this.#visit(node['right'])
    } else
      for (const part of node['elements'] ?? node['properties'] ?? [node['argument']])
        if (part) this.#target(part.type === 'Property' ? part['value'] : part)
  }

  #name(node: Syntax): void {
    const name: string = node['name']
    const isFree = this.#fn.analysis.free.has(name)
    const isLocal = this.#locals.has(name)
    if (isFree && isLocal) this.#refuse(reasons.twoMeanings(name), node)
    if (isLocal) return
    if (!isFree) this.#refuse(reasons.arguments(), node)
    this.#captured(this.#fn.captured(name) ?? { is: 'global', path: name }, name, node)
  }

  /** A captured value in a place where it is used as a value. */
  #captured(value: Captured, name: string, node: Syntax): void {
    switch (value.is) {
      case 'data':
        if (value.value instanceof RegExp && hasStatefulRegex(value.value))
          this.#refuse(reasons.statefulRegex(name), node)
        this.#shared.data.add(value.value)
        break
      case 'holder':
        if (!value.plain) this.#refuse(reasons.holdsFunctions(name), node)
        for (const one of value.values) this.#shared.data.add(one)
        break
      case 'function':
        new Check(value, this.#shared).run()
        break
      case 'global':
        if (!pureConstants.has(value.path) && !pureFunctions.has(value.path))
          this.#refuse(whyNotGlobal(value.path, false), node)
        break
      case 'unknown':
        this.#refuse(reasons.captured(name, value.what), node)
    }
  }

  #member(node: Syntax): void {
    const key = keyOf(node)
    if (key !== undefined && forbiddenProperties.has(key)) this.#refuse(reasons.property(key), node)
    const captured = this.#capturedAt(node)
    if (captured) {
      this.#captured(captured, nameOf(node), node)
      return
    }
    const path = this.#globalAt(node)
    if (path !== undefined) this.#captured({ is: 'global', path }, path, node)
    else {
      this.#visit(node['object'])
      if (node['computed']) this.#visit(node['property'])
    }
  }

  /** What a name or path stands for, if it starts with a captured name. */
  #capturedAt(node: Syntax): Captured | undefined {
    const captured = capturedAt(node, this.#fn, noScope)
    return captured && this.#oneMeaning(captured, node)
  }

  /** The path of something that every thread has. */
  #globalAt(node: Syntax): string | undefined {
    const path = globalAt(node, this.#fn, noScope)
    return path && this.#oneMeaning(path, node)
  }

  #oneMeaning<T>(found: T, node: Syntax): T {
    let root = node
    while (root.type === 'MemberExpression') root = root['object']
    if (this.#locals.has(root['name'])) this.#refuse(reasons.twoMeanings(root['name']), root)
    return found
  }

  #call(node: Syntax): void {
    const called = callee(node)
    const args: readonly Syntax[] = node['arguments']
    const captured = this.#capturedAt(called)
    const path = captured?.is === 'global' ? captured.path : this.#globalAt(called)
    if (captured?.is === 'function' || captured?.is === 'naming')
      this.#captured(captured, nameOf(called), called)
    else if (path !== undefined && !this.#isMethodOfConstant(called)) this.#global(path, node)
    else if (called.type === 'MemberExpression') this.#method(called, node)
    else if (isFunction(called)) this.#visit(called)
    else if (captured || !this.#locals.isFunction(called['name']))
      this.#refuse(reasons.call(nameOf(called)), node)
    for (const [i, arg] of args.entries()) if (i > 0 || !startsAnew(called, arg)) this.#visit(arg)
  }

  #isMethodOfConstant(called: Syntax): boolean {
    if (called.type !== 'MemberExpression') return false
    return pureConstants.has(this.#globalAt(called['object']) ?? '')
  }

  #global(path: string, node: Syntax): void {
    if (pureFunctions.has(path)) return
    if (!oneArgument.has(path)) this.#refuse(whyNotGlobal(path, true), node)
    const args: readonly Syntax[] = node['arguments']
    if (args.length > 1 || args[0]?.type === 'SpreadElement')
      this.#refuse(reasons.secondArgument(path), node)
  }

  #method(called: Syntax, node: Syntax): void {
    const method = keyOf(called)
    if (method === undefined) this.#refuse(reasons.computedCall(), node)
    const name = nameOf(called)
    const receiver: Syntax = called['object']
    this.#visit(receiver)
    if (freshOnly.has(method)) {
      if (!isFresh(receiver)) this.#refuse(reasons.changes(name), node)
    } else if (!pureMethods.has(method)) this.#refuse(reasons.call(name), node)
    if (regexMethods.has(method)) this.#shared.usesRegexMethods = true
    const [first] = node['arguments'] as readonly Syntax[]
    if (first && callbackMethods.has(method) && !this.#isKnownFunction(first))
      this.#refuse(reasons.callback(name), node)
  }

  /** Whether the value is a function that is checked by its own, or on the whitelist. */
  #isKnownFunction(node: Syntax): boolean {
    if (isFunction(node)) return true
    const captured = this.#capturedAt(node)
    if (captured) return captured.is === 'function' || captured.is === 'global'
    if (this.#globalAt(node) !== undefined) return true
    return node.type === 'Identifier' && this.#locals.isFunction(node['name'])
  }

  #new(node: Syntax): void {
    const called: Syntax = node['callee']
    const args: readonly Syntax[] = node['arguments']
    const path = this.#globalAt(called)
    if (path === 'RegExp') this.#refuse(reasons.regexStatics(), node)
    if (path === undefined || !pureClasses.has(path))
      this.#refuse(reasons.new(nameOf(called)), node)
    const isNow = args.length === 0 || args[0]!.type === 'SpreadElement'
    if (path === 'Date' && isNow) this.#refuse(reasons.time('new Date()'), node)
    for (const arg of args) this.#visit(arg)
  }
}

/** Why something that every thread has may not be used. */
export function whyNotGlobal(path: string, isCalled: boolean): string {
  if (tellsTime(path)) return reasons.time(path)
  if (isRandom(path)) return reasons.random(path)
  if (/^RegExp(?:\.|$)/.test(path)) return reasons.regexStatics()
  return isCalled ? reasons.call(path) : reasons.global(path)
}

/** How many items an array literal has, where that is known and not too many for a tuple. */
function itemsOf(node: Syntax): number | undefined {
  if (node.type !== 'ArrayExpression') return undefined
  const items: readonly (Syntax | null)[] = node['elements']
  if (items.some(item => item === null || item.type === 'SpreadElement')) return undefined
  return items.length > 0 && items.length <= TUPLE_ITEMS_MAX ? items.length : undefined
}

/** A regular expression, written as the argument, that the method starts from its beginning. */
function startsAnew(called: Syntax, arg: Syntax): boolean {
  if (called.type !== 'MemberExpression' || !fromTheStart.has(keyOf(called) ?? '')) return false
  return arg['regex'] !== undefined && !arg['regex'].flags.includes('y')
}

/** Whether the expression makes a new array that nothing else can see. */
function isFresh(node: Syntax): boolean {
  if (node.type === 'ArrayExpression') return true
  if (node.type !== 'CallExpression' || node['callee'].type !== 'MemberExpression') return false
  const method = keyOf(node['callee']) ?? ''
  return makesArray.has(method) || (freshOnly.has(method) && isFresh(node['callee']['object']))
}
