/** A function's source text: how it parses, and how it reads as an expression of its own. */
import { type Node, parse } from 'acorn'

/** An acorn node whose fields are looked at by name. */
export type Syntax = Node & { [field: string]: any }

/** A function's source parsed, in the shape that fitted it. */
export interface Parsed {
  readonly tree: Syntax
  readonly node: Syntax
  /** Key of the method, when the source is a method's. */
  readonly key: Syntax | undefined
  readonly base: number
  readonly sloppy: boolean
}

/**
 * A function's text is an expression, a method of an object literal, or one that only a class may
 * have.
 */
const shapes: readonly [string, string, (body: Syntax) => { node: Syntax; key?: Syntax }][] = [
  ['(', ')', statement => ({ node: statement.expression })],
  ['({', '})', statement => methodOf(statement.expression.properties[0])],
  ['(class{', '})', statement => methodOf(statement.expression.body.body[0])],
]

const methodOf = (member: Syntax): { node: Syntax; key: Syntax } => ({
  node: member.value,
  key: member.key,
})

/** Undefined when the text is no function that can stand alone, such as a private one. */
export function parseFunction(source: string): Parsed | undefined {
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

export interface Rewritten {
  /** The source as an expression that can be compiled anywhere. */
  readonly expression: string
  /** Where V8 says the function is: its first parenthesis, or the start of an arrow. */
  readonly sourceAnchor: number
  /** The same place in `expression`. */
  readonly expressionAnchor: number
  /** Name that stands for `import` in `expression`, when the source has `import(…)`. */
  readonly importName: string | undefined
}

/**
 * The source as an expression. A method loses its key, which may be computed or private, and
 * becomes a method called `f` of an object literal; `import` becomes a helper that resolves against
 * the user's file.
 */
export function rewrite(source: string, parsed: Parsed, imports: readonly Syntax[]): Rewritten {
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
  return {
    expression: `${head}${body}}).f`,
    sourceAnchor,
    expressionAnchor: head.length,
    importName,
  }
}

function anchorOf(source: string, { node, key, base }: Parsed): number {
  if (node.type === 'ArrowFunctionExpression') return 0
  // acorn starts a method's function at its parenthesis.
  if (key) return node.start - base
  const after = node['id'] ? node['id'].end - base : source.indexOf('function') + 'function'.length
  return source.indexOf('(', after)
}
