/** Rules about the form of files: registries, headers, docstrings, lengths. */
import { posix } from 'node:path'
import type { Rule } from './rule.ts'
import {
  isCode,
  isSource,
  lineAt,
  type Node,
  parseFile,
  resolveImport,
  type SourceFile,
  walk,
} from './source.ts'

const lineLengthMax = 100
const fileLinesMax = 600
const fileLinesTypical = 300
const functionLinesTypical = 70

/** Files in a registered folder that are no operator, receiver or sink, each with its reason. */
const helpers: Readonly<Record<string, string>> = {
  'src/ops/aggregate.ts': 'the table of aggregates, which operators share',
  'src/ops/aggregate-form.ts': 'what an aggregate is, and several as one',
  'src/ops/builtins.ts': "the engine's own functions, by name",
  'src/ops/part-file.ts': 'how saveAsTextFile and saveAsObjectFile write a file',
  'src/ops/each-of.ts': 'generated code that flatMap and flatMapValues share',
}

export const registered: Rule = {
  name: 'each operator, receiver and sink is registered, tested and opens with an @example',
  check: files => {
    const paths = new Set(files.map(file => file.path))
    return files.flatMap(file => {
      const [, folder, name] = /^src\/(ops|receivers|sinks)\/([^/]+)\.ts$/.exec(file.path) ?? []
      if (folder === undefined || name === 'index' || helpers[file.path]) return []
      const index = files.find(({ path }) => path === `src/${folder}/index.ts`)
      const known = index && parseFile(index).imports.map(i => resolveImport(index, i.specifier))
      const test = `test/${folder}/${name}.test.ts`
      const header = /^(?:#!.*\n)?\/\*\*[\s\S]*?\*\//.exec(file.text)?.[0] ?? ''
      return [
        ...(known?.includes(file.path) ? [] : [`${file.path}: not in src/${folder}/index.ts`]),
        ...(paths.has(test) ? [] : [`${file.path}: no ${test}`]),
        ...(header.includes('@example') ? [] : [`${file.path}: its header has no @example`]),
      ]
    })
  },
  bad: [
    [
      { path: 'src/ops/top-k.ts', text: '/** @example */' },
      { path: 'src/ops/index.ts', text: '' },
      { path: 'test/ops/top-k.test.ts', text: '' },
    ],
    [
      { path: 'src/ops/top-k.ts', text: '/** @example */' },
      { path: 'src/ops/index.ts', text: `export * from './top-k.ts'` },
    ],
    [
      { path: 'src/sinks/file.ts', text: '/** Writes. */\n/** @example */' },
      { path: 'src/sinks/index.ts', text: `export { file } from './file.ts'` },
      { path: 'test/sinks/file.test.ts', text: '' },
    ],
  ],
  good: [
    { path: 'src/ops/top-k.ts', text: '/** @example x */\nexport const topK = 1' },
    { path: 'src/ops/index.ts', text: `import { topK } from './top-k.ts'` },
    { path: 'test/ops/top-k.test.ts', text: '' },
  ],
}

export const shortLines: Rule = {
  name: `lines have at most ${lineLengthMax} characters, files at most ${fileLinesMax} lines`,
  check: files =>
    files.filter(isCode).flatMap(({ path, text }) => {
      const lines = text.split('\n')
      const long = lines.flatMap((line, i) => {
        // An address can't be broken.
        if (line.length <= lineLengthMax || /https?:\/\//.test(line)) return []
        return [`${path}:${i + 1} has ${line.length} characters`]
      })
      const tall = lines.length > fileLinesMax ? [`${path}: ${lines.length} lines`] : []
      return [...long, ...tall]
    }),
  bad: [
    [{ path: 'src/a.ts', text: `// ${'x'.repeat(lineLengthMax)}` }],
    [{ path: 'test/a.test.ts', text: '\n'.repeat(fileLinesMax) }],
  ],
  good: [
    {
      path: 'src/a.ts',
      text: `${'x'.repeat(lineLengthMax)}\n// https://${'x'.repeat(lineLengthMax)}`,
    },
    { path: 'README.md', text: 'x'.repeat(lineLengthMax + 1) },
  ],
}

/** What is longer than it should be, but not refused. */
export function longerThanTypical(files: readonly SourceFile[]): string[] {
  return files.filter(isSource).flatMap(file => {
    const { program } = parseFile(file)
    const lines = file.text.split('\n').length
    const found = lines > fileLinesTypical ? [`${file.path}: ${lines} lines`] : []
    walk(program, (node, parent) => {
      if (!/Function/.test(node.type)) return
      const [first, last] = [lineAt(file.text, node.start), lineAt(file.text, node.end)]
      if (last - first < functionLinesTypical) return
      const name = (node['id'] ?? parent?.['key'] ?? parent?.['id']) as Node | null | undefined
      const title = name?.['name'] ?? '(anonymous)'
      found.push(`${file.path}:${first} ${title} has ${last - first + 1} lines`)
    })
    return found
  })
}

export const documentedExports: Rule = {
  name: 'each export of the public entry points has a docstring',
  check: files => {
    const entries = files.filter(f =>
      /^src\/(index|(receivers|sinks|testing)\/index)\.ts$/.test(f.path),
    )
    return entries.flatMap(entry =>
      exportsOf(entry, files).flatMap(({ name, file }) =>
        isDocumented(name, file)
          ? []
          : [`${file.path}: ${name} (from ${entry.path}) has no docstring`],
      ),
    )
  },
  bad: [
    [{ path: 'src/index.ts', text: 'export const seconds = 1' }],
    [
      { path: 'src/index.ts', text: `export { a, b as c } from './a.ts'` },
      { path: 'src/a.ts', text: '/** Says. */\nexport const a = 1\nexport class b {}' },
    ],
    [
      { path: 'src/index.ts', text: `export * from './a.ts'` },
      { path: 'src/a.ts', text: `export { b } from './b.ts'` },
      { path: 'src/b.ts', text: '/** Another. */\nconst a = 1\nexport function b() {}' },
    ],
    [
      { path: 'src/index.ts', text: `export type { Options } from './a.ts'` },
      { path: 'src/a.ts', text: '// Not a docstring.\nexport interface Options { a: 1 }' },
    ],
  ],
  good: [
    {
      path: 'src/index.ts',
      text: `export * from './a.ts'\nimport { c } from './b.ts'\nexport { c }`,
    },
    { path: 'src/a.ts', text: '/** Says. */\nexport type A = 1\nconst inner = 1' },
    { path: 'src/b.ts', text: '/** Says.\n * More. */\nexport abstract class c {}' },
  ],
}

/** What stands between `export` and the name in a declaration. */
const declarationWords =
  '(?:declare\\s+|abstract\\s+|async\\s+)*(?:class|function\\*?|const|let|interface|type)\\s+'

export const documentedMethods: Rule = {
  name: 'each public method of an exported class has a docstring',
  check: files =>
    files
      .filter(file => file.path === 'src/index.ts')
      .flatMap(entry => exportsOf(entry, files))
      .flatMap(({ name, file }) =>
        undocumentedMethods(name, file).map(method => `${file.path}: ${method} has no docstring`),
      ),
  bad: [
    [{ path: 'src/index.ts', text: 'export class A {\n/** Says. */\nf() {}\ng() {}\n}' }],
    [{ path: 'src/index.ts', text: 'export class A {\n// Says.\nget f(): 1 { return 1 }\n}' }],
  ],
  good: [
    {
      path: 'src/index.ts',
      text: `class Inner { f() {} }
        export class A {
          constructor() {}
          /** Says. */
          f(a: string): void
          f(a: any): void {}
          private g() {}
          #h() {}
        }
        interface Clock { now(): number }
        export class B implements Clock { now() {} }`,
    },
  ],
}

interface Export {
  readonly name: string
  readonly file: SourceFile
}

/** The names that a file exports, each with the file that declares it; no names of packages. */
function exportsOf(file: SourceFile, files: readonly SourceFile[]): Export[] {
  const declared = new RegExp(`^export\\s+${declarationWords}(\\w+)`, 'gm')
  const own = [...file.text.matchAll(declared)].map(([, name]) => ({ name: name!, file }))
  const lists = [
    ...file.text.matchAll(/^export\s+(?:type\s+)?\{([^}]*)\}(?:\s*from\s*'([^']+)')?/gm),
  ]
  const listed = lists.flatMap(([, list, from]) =>
    names(list!).flatMap(name => declaration(name, from, file, files)),
  )
  const stars = [...file.text.matchAll(/^export\s+\*\s+from\s*'([^']+)'/gm)]
  const starred = stars.flatMap(([, from]) => {
    const target = find(file, from!, files)
    return target ? exportsOf(target, files) : []
  })
  return [...own, ...listed, ...starred]
}

/** `a, type b as c` → the names in the file they come from: a, b. */
function names(list: string): string[] {
  const items = list.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '').split(',')
  return items
    .map(
      item =>
        item
          .trim()
          .replace(/^type\s+/, '')
          .split(/\s/)[0]!,
    )
    .filter(name => name !== '')
}

function declaration(
  name: string,
  from: string | undefined,
  file: SourceFile,
  files: readonly SourceFile[],
): Export[] {
  const importing = new RegExp(`^import\\s[^']*\\b${name}\\b[^']*'([^']+)'`, 'm').exec(
    file.text,
  )?.[1]
  const source = from ?? importing
  if (source === undefined) return [{ name, file }]
  const target = find(file, source, files)
  if (!target) return []
  return exportsOf(target, files).filter(found => found.name === name)
}

function find(
  file: SourceFile,
  specifier: string,
  files: readonly SourceFile[],
): SourceFile | undefined {
  const path = resolveImport(file, specifier)
  return files.find(other => path !== undefined && other.path === posix.normalize(path))
}

function isDocumented(name: string, file: SourceFile): boolean {
  const documented = `\\*/\\s*\\n(?:export\\s+)?${declarationWords}${name}\\b`
  return new RegExp(documented).test(docstringsOnly(file.text))
}

/** Methods of a public class that have no docstring; those marked private or internal need none. */
function undocumentedMethods(name: string, file: SourceFile): string[] {
  const found: string[] = []
  // A method that implements an interface of the same file is described there.
  const implementing = new RegExp(`class ${name}\\b[^{]*\\bimplements\\b`).test(file.text)
  const interfaces = implementing ? parseFile(file).types : ''
  walk(parseFile(file).program, node => {
    if (!/^Class/.test(node.type) || (node['id'] as Node | null)?.['name'] !== name) return
    const body = node['body'] as Node
    let end = body.start
    for (const member of body['body'] as Node[]) {
      // Overloads, modifiers and comments stand between a member and the one before it.
      const before = file.text.slice(end, member.start)
      end = member.end
      const key = member['key'] as Node | undefined
      if (member.type !== 'MethodDefinition' || key?.type !== 'Identifier') continue
      if (member['kind'] === 'constructor' || /\b(private|protected)\b/.test(before)) continue
      if (before.includes('/**') || interfaces.includes(`${key['name']}(`)) continue
      found.push(`${name}.${key['name']}`)
    }
  })
  return found
}

/** Turns the end of comments that are not docstrings into something else. */
function docstringsOnly(text: string): string {
  return text.replace(/\/\*(?!\*)[\s\S]*?\*\//g, '')
}
