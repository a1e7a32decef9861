/**
 * Reads a function's source: its free names, what it writes to, and whether it can stand alone. The
 * answer depends on the text only and is cached by it, so closures made anew in every batch are
 * parsed once.
 */
import { analyze } from 'eslint-scope'
import { type Mutation, mutationsAt } from './mutation.ts'
import { type Refusal, refusals } from './refusal.ts'
import { parseFunction, type Rewritten, rewrite, type Syntax } from './syntax.ts'

export interface FreeName {
  readonly name: string
  /** Index in the source of the first use. */
  readonly offset: number
  /**
   * True when it is also asked for by `typeof name`, which may be used on names that don't exist.
   */
  readonly guarded: boolean
  /** The properties read of it, when nothing else is done with it. */
  readonly properties: ReadonlySet<string> | undefined
}

export interface Analysis extends Rewritten {
  /** Equal for functions of equal source. */
  readonly id: number
  readonly source: string
  /** The function's node; subtract `base` from its positions to get indexes in `source`. */
  readonly node: Syntax
  readonly base: number
  /** Whether the source needs sloppy mode to compile. */
  readonly sloppy: boolean
  readonly free: ReadonlyMap<string, FreeName>
  readonly mutations: readonly Mutation[]
  /** What makes it impossible to send by source, with the index in the source. */
  readonly refusal: (Refusal & { readonly offset: number }) | undefined
}

const CACHE_MAX = 4096
const cache = new Map<string, Analysis>()

/** Numbers for tests and for `explain()`: how many sources were parsed so far. */
export const counters = { parses: 0 }

/** The analysis of a function's source text; never throws, a refusal is part of the answer. */
export function analyseSource(source: string): Analysis {
  const known = cache.get(source)
  if (known) return known
  counters.parses++
  const made = analyseNew(source, counters.parses)
  if (cache.size >= CACHE_MAX) cache.clear()
  cache.set(source, made)
  return made
}

function analyseNew(source: string, id: number): Analysis {
  const parsed = parseFunction(source)
  const empty = {
    id,
    source,
    node: { type: 'Program', start: 0, end: 0 } as Syntax,
    base: 0,
    expression: '',
    sourceAnchor: 0,
    expressionAnchor: 0,
    sloppy: false,
    importName: undefined,
    free: new Map(),
    mutations: [],
  }
  if (!parsed) return { ...empty, refusal: { ...refusals.unparsable(source), offset: 0 } }
  const { tree, node, base, sloppy } = parsed
  if (node.type.startsWith('Class')) {
    const name = node['id']?.name ?? 'the function'
    return { ...empty, refusal: { ...refusals.class(name), offset: 0 } }
  }
  const names = freeIdentifiers(tree, sloppy)
  const walk = new Walk(names, base)
  walk.root(node)
  const written = names.writes[0]
  const refusal =
    walk.refusal ??
    (written && { ...refusals.assigned(written['name']), offset: written.start - base })
  return {
    id,
    source,
    node,
    base,
    sloppy,
    ...rewrite(source, parsed, walk.imports),
    free: walk.free,
    mutations: walk.mutations,
    refusal,
  }
}

interface FreeIdentifiers {
  /** Every identifier node that refers to something outside the function. */
  readonly nodes: ReadonlySet<Syntax>
  readonly writes: readonly Syntax[]
}

function freeIdentifiers(tree: Syntax, sloppy: boolean): FreeIdentifiers {
  const manager = analyze(tree as any, {
    ecmaVersion: 2022,
    sourceType: sloppy ? 'script' : 'module',
  })
  const nodes = new Set<Syntax>()
  const writes: Syntax[] = []
  for (const reference of manager.globalScope!.through) {
    const identifier = reference.identifier as unknown as Syntax
    nodes.add(identifier)
    if (reference.isWrite()) writes.push(identifier)
  }
  return { nodes, writes }
}

/** One pass over the tree that collects free names, changes through them, and what can't travel. */
class Walk {
  readonly free = new Map<string, FreeName>()
  readonly mutations: Mutation[] = []
  readonly imports: Syntax[] = []
  refusal: (Refusal & { readonly offset: number }) | undefined
  readonly #names: FreeIdentifiers
  readonly #base: number

  constructor(names: FreeIdentifiers, base: number) {
    this.#names = names
    this.#base = base
  }

  root(node: Syntax): void {
    this.#children(node, { outerThis: true, classBody: false })
  }

  #refuse(refusal: Refusal, node: Syntax): void {
    this.refusal ??= { ...refusal, offset: node.start - this.#base }
  }

  #visit(node: Syntax, parent: Syntax, context: Context): void {
    switch (node.type) {
      case 'Identifier':
        if (this.#names.nodes.has(node)) this.#name(node, parent)
        return
      case 'ThisExpression':
        if (context.outerThis) this.#refuse(refusals.this(), node)
        return
      case 'Super':
        if (context.outerThis) this.#refuse(refusals.super(), node)
        return
      case 'MetaProperty':
        if (node['meta'].name === 'import') this.#refuse(refusals.importMeta(), node)
        else if (context.outerThis) this.#refuse(refusals.newTarget(), node)
        return
      case 'PrivateIdentifier':
        if (!context.classBody) this.#refuse(refusals.privateMember(node['name']), node)
        return
      case 'ImportExpression':
        this.imports.push(node)
        break
    }
    this.mutations.push(...mutationsAt(node, this.#names.nodes, this.#base))
    this.#children(node, inside(node, context))
  }

  #children(node: Syntax, context: Context): void {
    for (const field in node) {
      if (field === 'range' || field === 'type') continue
      const child = node[field]
      if (Array.isArray(child)) {
        for (const one of child)
          if (one && typeof one.type === 'string') this.#visit(one, node, context)
      } else if (child && typeof child.type === 'string') this.#visit(child, node, context)
    }
  }

  #name(node: Syntax, parent: Syntax): void {
    const name: string = node['name']
    if (name === 'arguments') this.#refuse(refusals.outerArguments(), node)
    if (name === 'eval') this.#refuse(refusals.eval(), node)
    if (name === '__vite_ssr_import_meta__') this.#refuse(refusals.importMeta(), node)
    const before = this.free.get(name)
    const property =
      parent.type === 'MemberExpression' && parent['object'] === node && !parent['computed']
        ? (parent['property'].name as string)
        : undefined
    const properties =
      property !== undefined && (!before || before.properties)
        ? new Set([...(before?.properties ?? []), property])
        : undefined
    const guarded = parent.type === 'UnaryExpression' && parent['operator'] === 'typeof'
    this.free.set(name, {
      name,
      offset: before?.offset ?? node.start - this.#base,
      guarded: guarded || before?.guarded === true,
      properties,
    })
  }
}

interface Context {
  /** Whether `this` here would be the captured function's own. */
  readonly outerThis: boolean
  readonly classBody: boolean
}

function inside(node: Syntax, context: Context): Context {
  if (node.type === 'ClassBody') return { outerThis: false, classBody: true }
  if (node.type === 'FunctionExpression' || node.type === 'FunctionDeclaration')
    return { ...context, outerThis: false }
  return context
}
