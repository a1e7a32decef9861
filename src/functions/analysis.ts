/**
 * Reads a function's source: its free names, what it writes to, and whether it can stand alone. The answer
 * depends on the text only and is cached by it, so closures made anew in every batch are parsed once.
 */
import { type Node, parse } from 'acorn'
import { analyze } from 'eslint-scope'
import { type Mutation, mutationsAt } from './mutation.ts'
import { type Refusal, refusals } from './refusal.ts'

/** An acorn node whose fields are looked at by name. */
export type Syntax = Node & { [field: string]: any }

export interface FreeName {
  readonly name: string
  /** Index in the source of the first use. */
  readonly offset: number
  /** True when it is also asked for by `typeof name`, which may be used on names that don't exist. */
  readonly guarded: boolean
  /** The properties read of it, when nothing else is done with it. */
  readonly properties: ReadonlySet<string> | undefined
}

export interface Analysis {
  /** Equal for functions of equal source. */
  readonly id: number
  readonly source: string
  /** The function's node; subtract `base` from its positions to get indexes in `source`. */
  readonly node: Syntax
  readonly base: number
  /** The source as an expression that can be compiled anywhere. */
  readonly expression: string
  /** Where V8 says the function is: its first parenthesis, or the start of an arrow. */
  readonly sourceAnchor: number
  readonly expressionAnchor: number
  /** Whether the source needs sloppy mode to compile. */
  readonly sloppy: boolean
  /** Name that stands for `import` in `expression`, when the source has `import(…)`. */
  readonly importName: string | undefined
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

interface Parsed {
  readonly tree: Syntax
  readonly node: Syntax
  /** Key of the method, when the source is a method's. */
  readonly key: Syntax | undefined
  readonly base: number
  readonly sloppy: boolean
}

/** A function's text is an expression, a method of an object literal, or one that only a class may have. */
const shapes: readonly [string, string, (body: Syntax) => { node: Syntax; key?: Syntax }][] = [
  ['(', ')', statement => ({ node: statement.expression })],
  ['({', '})', statement => methodOf(statement.expression.properties[0])],
  ['(class{', '})', statement => methodOf(statement.expression.body.body[0])],
]

const methodOf = (member: Syntax): { node: Syntax; key: Syntax } => ({
  node: member.value,
  key: member.key,
})

function parseFunction(source: string): Parsed | undefined {
  for (const sourceType of ['module', 'script'] as const)
    for (const [before, after, find] of shapes)
      try {
        const tree = parse(before + source + after, {
          ecmaVersion: 'latest',
          sourceType,
          ranges: true,
          checkPrivateFields: false,
        } as Parameters<typeof parse>[1]) as Syntax
        const { node, key } = find(tree.body[0])
        if (!/Function|Class/.test(node?.type ?? '')) continue
        return { tree, node, key, base: before.length, sloppy: sourceType === 'script' }
      } catch {
        // The next shape may fit.
      }
  return undefined
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

/**
 * The source as an expression. A method loses its key, which may be computed or private, and becomes a
 * method called `f` of an object literal; `import` becomes a helper that resolves against the user's file.
 */
function rewrite(
  source: string,
  parsed: Parsed,
  imports: readonly Syntax[],
): Pick<Analysis, 'expression' | 'sourceAnchor' | 'expressionAnchor' | 'importName'> {
  const { node, key, base } = parsed
  let importName: string | undefined
  if (imports.length > 0) {
    importName = '$import'
    while (source.includes(importName)) importName += '$'
  }
  const sourceAnchor = anchorOf(source, parsed)
  let text = source
  // From the back, so that earlier positions stay valid.
  for (const one of [...imports].sort((a, b) => b.start - a.start)) {
    const at = one.start - base
    text = text.slice(0, at) + importName + text.slice(at + 'import'.length)
  }
  if (!key) {
    // An import() before the anchor would have to be in a computed key, which methods have dropped.
    return {
      expression: `(${text})`,
      sourceAnchor,
      expressionAnchor: sourceAnchor + 1,
      importName,
    }
  }
  const head = `({${node['async'] ? 'async ' : ''}${node['generator'] ? '*' : ''}f`
  const grown = text.length - source.length
  const body = imports.some(one => one.start - base < sourceAnchor)
    ? text.slice(sourceAnchor + grown)
    : text.slice(sourceAnchor)
  return { expression: `${head}${body}}).f`, sourceAnchor, expressionAnchor: head.length, importName }
}

function anchorOf(source: string, { node, key, base }: Parsed): number {
  if (node.type === 'ArrowFunctionExpression') return 0
  // acorn starts a method's function at its parenthesis.
  if (key) return node.start - base
  const after = node['id'] ? node['id'].end - base : source.indexOf('function') + 'function'.length
  return source.indexOf('(', after)
}
