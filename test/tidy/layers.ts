/** Rules about who may import whom. */

import type { Rule } from './rule.ts'
import { isSource, parseFile, resolveImport, type SourceFile } from './source.ts'

/**
 * The layers of src/, lowest first: a folder, or a file directly in src/, imports only from lines
 * above its own. Those that share a line do not know each other, except the facades (context,
 * dstream, rdd), which are one layer wired together in index. What they share lies below them.
 */
const layers: readonly (readonly string[])[] = [
  ['errors'],
  ['kernels'],
  ['columnar'],
  ['expressions'],
  ['functions', 'state', 'durable'],
  ['engine'],
  ['ops', 'receivers', 'sinks'],
  ['worker'],
  [
    'apply',
    'context-errors',
    'durations',
    'explain',
    'files',
    'metrics',
    'options',
    'outputs',
    'signals',
    'sources',
    'state-spec',
    'widened',
  ],
  ['facade'],
  ['context', 'dstream', 'rdd'],
  ['index'],
  ['testing'],
  ['cli'],
]
const facades = new Set(['context', 'dstream', 'rdd'])

/** `src/engine/pool.ts` → `engine`, `src/context.ts` → `context`. */
function unitOf(path: string): string {
  return path.split('/')[1]!.replace(/\.ts$/, '')
}

const levelOf = (unit: string): number => layers.findIndex(layer => layer.includes(unit))

function mayImport(from: string, to: string, path: string): boolean {
  if (from === to) return true
  if (from === 'ui') return to === 'errors' || path === 'src/engine/events.ts'
  if (facades.has(from) && facades.has(to)) return true
  return to !== 'ui' && levelOf(to) < levelOf(from)
}

export const importsPointDown: Rule = {
  name: 'imports point only downward through the layers, type-only imports too',
  check: files =>
    files.filter(isSource).flatMap(file => {
      const from = unitOf(file.path)
      if (from !== 'ui' && levelOf(from) < 0) {
        return [`${file.path}: no layer is known for "${from}": name it in test/tidy/layers.ts`]
      }
      return parseFile(file).imports.flatMap(({ specifier, line }) => {
        const target = resolveImport(file, specifier)
        if (target === undefined) return []
        const outside = !target.startsWith('src/')
        // index registers the page, which is loaded when a context asks for it.
        if (from === 'index' && unitOf(target) === 'ui') return []
        if (!outside && mayImport(from, unitOf(target), target)) return []
        const what = outside ? 'outside src/' : `not below ${from}`
        return [`${file.path}:${line} imports ${target}, which is ${what}`]
      })
    }),
  bad: [
    [{ path: 'src/engine/plan.ts', text: `import { map } from '../ops/map.ts'` }],
    [{ path: 'src/columnar/block.ts', text: `import type { Task } from '../engine/task.ts'` }],
    [{ path: 'src/columnar/block.ts', text: `let task: import('../engine/task.ts').Task` }],
    [{ path: 'src/columnar/block.ts', text: `await import('../engine/task.ts')` }],
    [{ path: 'src/state/log.ts', text: `export * from '../functions/capture.ts'` }],
    [{ path: 'src/errors.ts', text: `import { Block } from './columnar/block.ts'` }],
    [{ path: 'src/ui/page.ts', text: `import { Block } from '../columnar/block.ts'` }],
    [{ path: 'src/index.ts', text: `import { runStream } from './testing/index.ts'` }],
    [{ path: 'src/rdd.ts', text: `import { oracle } from '../test/oracle.ts'` }],
    [{ path: 'src/misc/things.ts', text: '' }],
  ],
  good: [
    { path: 'src/engine/plan.ts', text: `import { Block } from '../columnar/block.ts'` },
    { path: 'src/columnar/block.ts', text: `import { preview } from '../errors.ts'` },
    { path: 'src/context.ts', text: `import type { DStream } from './dstream.ts'` },
    {
      path: 'src/columnar/arena.ts',
      text: `// import '../ops/map.ts'\nimport { join } from 'node:path'`,
    },
  ],
}

export const noImportCycle: Rule = {
  name: 'no import cycle (an import that only brings types closes none)',
  check: files => {
    const next = new Map(files.filter(isSource).map(file => [file.path, runtimeImports(file)]))
    const done = new Set<string>()
    const cycles: string[] = []
    const descend = (path: string, trail: readonly string[]): void => {
      const at = trail.indexOf(path)
      if (at >= 0) cycles.push([...trail.slice(at), path].join(' → '))
      if (at >= 0 || done.has(path)) return
      for (const target of next.get(path) ?? []) descend(target, [...trail, path])
      done.add(path)
    }
    for (const path of next.keys()) descend(path, [])
    return cycles
  },
  bad: [
    [
      { path: 'src/a.ts', text: `import { b } from './b.ts'` },
      { path: 'src/b.ts', text: `export { c } from './c.ts'` },
      { path: 'src/c.ts', text: `import { type A, a } from './a.ts'` },
    ],
    [{ path: 'src/a.ts', text: `import { a } from './a.ts'` }],
  ],
  good: [
    { path: 'src/a.ts', text: `import { b } from './b.ts'` },
    { path: 'src/b.ts', text: `import type { A } from './a.ts'` },
  ],
}

function runtimeImports(file: SourceFile): string[] {
  return parseFile(file).imports.flatMap(({ specifier, typeOnly }) =>
    typeOnly ? [] : (resolveImport(file, specifier) ?? []),
  )
}

/** Packages that a single file hides from the rest. */
const hidden: Readonly<Record<string, string>> = {
  piscina: 'src/engine/pool.ts',
  msgpackr: 'src/columnar/codec.ts',
}

export const hiddenPackages: Rule = {
  name: 'only engine/pool.ts knows piscina, only columnar/codec.ts msgpackr',
  check: files =>
    files.filter(isSource).flatMap(file =>
      parseFile(file).imports.flatMap(({ specifier, line }) => {
        const owner = hidden[specifier.split('/')[0]!]
        if (owner === undefined || owner === file.path) return []
        return [`${file.path}:${line} imports ${specifier}: only ${owner} may`]
      }),
    ),
  bad: [
    [{ path: 'src/engine/scheduler.ts', text: `import { Piscina } from 'piscina'` }],
    [{ path: 'src/worker.ts', text: `import type { Piscina } from 'piscina'` }],
    [{ path: 'src/state/log.ts', text: `import { Packr } from 'msgpackr/pack'` }],
  ],
  good: [{ path: 'src/engine/pool.ts', text: `import { Piscina } from 'piscina'` }],
}
