/** The repository's files as the house rules see them: text, code without comments, imports. */
import { readdirSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join, posix } from 'node:path'
import { type Comment, parse } from 'acorn'

export interface SourceFile {
  /** Path from the repository's root, with forward slashes. */
  readonly path: string
  readonly text: string
}

export interface Import {
  readonly specifier: string
  /** Erased by the compiler: `import type` or `import('…').T`. Such an import runs nothing. */
  readonly typeOnly: boolean
  readonly line: number
}

export interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

export interface Parsed {
  readonly program: Node
  readonly imports: readonly Import[]
  /** The file with types and comments blanked out, at unchanged positions. */
  readonly code: string
  /** Only what the compiler erases (interfaces, annotations), comments blanked out. */
  readonly types: string
}

const unread = new Set(['node_modules', 'dist', '.git', '.bench-data', 'coverage', 'data'])
const readable = /\.(ts|mts|cts|js|mjs|cjs|json|md|yml|yaml|sh|html|css)$|\/(run|LICENSE|NOTICE)$/

/** All text files of the repository, without generated ones and data. */
export function readRepository(root: string, below = ''): SourceFile[] {
  return readdirSync(join(root, below), { withFileTypes: true }).flatMap(entry => {
    const path = posix.join(below, entry.name)
    if (entry.isDirectory()) return unread.has(entry.name) ? [] : readRepository(root, path)
    const wanted = readable.test(`/${path}`) && entry.name !== 'package-lock.json'
    return wanted ? [{ path, text: readFileSync(join(root, path), 'utf8') }] : []
  })
}

export const isCode = (file: SourceFile): boolean => /\.[mc]?[tj]s$/.test(file.path)
export const isSource = (file: SourceFile): boolean => isCode(file) && file.path.startsWith('src/')

/** The line of a position, from 1. */
export function lineAt(text: string, position: number): number {
  return text.slice(0, position).split('\n').length
}

const parsedByText = new Map<string, Parsed>()

/** Parses a TypeScript or JavaScript file; the result is kept, since every rule asks for it. */
export function parseFile(file: SourceFile): Parsed {
  const known = parsedByText.get(file.text)
  if (known) return known
  const comments: Comment[] = []
  let stripped: string
  let program: Node
  try {
    stripped = file.path.endsWith('ts') ? stripTypeScriptTypes(file.text) : file.text
    const options = { ecmaVersion: 'latest', sourceType: 'module', onComment: comments } as const
    program = parse(stripped, { ...options, allowHashBang: true }) as unknown as Node
  } catch (error) {
    throw new Error(`${file.path} can't be parsed`, { cause: error })
  }
  const code = blank(stripped, comments)
  const types = blankTypeComments(erased(blank(file.text, comments), stripped))
  const parsed = { program, code, types, imports: findImports(program, code, types) }
  parsedByText.set(file.text, parsed)
  return parsed
}

/** Visits every node of the tree, parents first. */
export function walk(node: Node, visit: (node: Node, parent?: Node) => void, parent?: Node): void {
  visit(node, parent)
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === 'string') walk(child, visit, node)
    }
  }
}

/** `text` with the given ranges replaced by spaces; line breaks stay. */
function blank(text: string, ranges: readonly { start: number; end: number }[]): string {
  let result = ''
  let from = 0
  for (const { start, end } of ranges) {
    result += text.slice(from, start) + text.slice(start, end).replace(/[^\n]/g, ' ')
    from = end
  }
  return result + text.slice(from)
}

/** The characters that type stripping removed, at their positions. */
function erased(text: string, stripped: string): string {
  let result = ''
  for (let i = 0; i < text.length; i++) {
    result += text[i] === '\n' ? '\n' : text[i] === stripped[i] ? ' ' : text[i]
  }
  return result
}

/** Comments within erased text, where a string with `//` or a slash and star is improbable. */
function blankTypeComments(types: string): string {
  const ranges = [...types.matchAll(/\/\*[\s\S]*?\*\/|\/\/.*/g)]
  return blank(
    types,
    ranges.map(({ index, 0: found }) => ({ start: index, end: index + found.length })),
  )
}

function findImports(program: Node, code: string, types: string): Import[] {
  const imports: Import[] = []
  walk(program, node => {
    const source = node['source'] as Node | null | undefined
    if (
      !/^(Import|Export)(Declaration|Expression|NamedDeclaration|AllDeclaration)$/.test(node.type)
    )
      return
    if (typeof source?.['value'] !== 'string') return
    imports.push({
      specifier: source['value'],
      typeOnly: false,
      line: lineAt(code, node.start),
    })
  })
  const typeImport =
    /\b(?:import|export)\s+type\b[^'"]*?\bfrom\s*['"]([^'"]+)|\bimport\(\s*['"]([^'"]+)/g
  for (const found of types.matchAll(typeImport)) {
    imports.push({
      specifier: found[1] ?? found[2]!,
      typeOnly: true,
      line: lineAt(types, found.index),
    })
  }
  return imports
}

/** The repository path that a relative import names; undefined for packages and built-ins. */
export function resolveImport(file: SourceFile, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return posix.join(posix.dirname(file.path), specifier)
}
