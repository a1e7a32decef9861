/** Rules about what a part of the engine never does. */
import type { Rule } from './rule.ts'
import { isSource, lineAt, type Node, parseFile, type SourceFile, walk } from './source.ts'

/** Files that read time or set timers beside engine/clock.ts, each with its reason. */
const timeAllowed: Readonly<Record<string, string>> = {
  'src/engine/clock.ts': 'the one place for time',
}

/** Files that draw random numbers, each with its reason. */
const randomAllowed: Readonly<Record<string, string>> = {}

const timerNames = new Set(['setTimeout', 'setInterval'])
const timeCalls = new Set([
  'Date.now',
  'performance.now',
  'process.hrtime',
  'performance.timeOrigin',
])

export const onlyClockKnowsTime: Rule = {
  name: 'only engine/clock.ts reads time or sets timers',
  check: files =>
    files
      .filter(file => isSource(file) && !timeAllowed[file.path])
      .flatMap(file => {
        const uses = findInCode(file, timeUse)
        return uses.map(use => `${use}: take the time, or the clock, as an argument`)
      }),
  bad: [
    [{ path: 'src/engine/task.ts', text: 'const t: number = Date.now()' }],
    [{ path: 'src/ops/window.ts', text: 'const t = performance.now()' }],
    [{ path: 'src/ops/window.ts', text: 'const t = new Date()' }],
    [{ path: 'src/receivers/socket.ts', text: 'setTimeout(() => {}, 1)' }],
    [{ path: 'src/receivers/socket.ts', text: 'globalThis.setInterval(f, 1)' }],
    [{ path: 'src/receivers/socket.ts', text: `import * as t from 'node:timers/promises'` }],
    [{ path: 'src/context.ts', text: 'const { now } = Date' }],
  ],
  good: [
    { path: 'src/engine/clock.ts', text: 'Date.now()' },
    { path: 'src/ops/window.ts', text: '// Date.now()\nconst s = "Date.now()", d = new Date(5)' },
    { path: 'src/ops/map.ts', text: `import { setImmediate } from 'node:timers/promises'` },
    { path: 'src/engine/timer.ts', text: 'class A { setTimeout() {} }; socket.setTimeout(5)' },
  ],
}

function timeUse(node: Node, parent: Node | undefined): string | undefined {
  if (node.type === 'ImportDeclaration') {
    const specifier = String((node['source'] as Node)['value'])
    if (!/^(node:)?timers(\/promises)?$/.test(specifier)) return undefined
    // Giving way to other callbacks is no question of time.
    const names = (node['specifiers'] as Node[]).map(each => nameOf(each['imported']))
    return names.every(name => name === 'setImmediate') ? undefined : specifier
  }
  if (node.type === 'NewExpression' && nameOf(node['callee']) === 'Date') {
    return (node['arguments'] as Node[]).length === 0 ? 'new Date()' : undefined
  }
  if (node.type === 'MemberExpression') {
    const name = `${nameOf(node['object'])}.${nameOf(node['property'])}`
    const onGlobal = name.startsWith('globalThis.') && timerNames.has(name.slice(11))
    return timeCalls.has(name) || onGlobal ? name : undefined
  }
  if (node.type === 'VariableDeclarator' && /^(Date|performance)$/.test(nameOf(node['init']))) {
    return nameOf(node['init'])
  }
  if (node.type !== 'Identifier' || !timerNames.has(nameOf(node))) return undefined
  return isPropertyName(node, parent) ? undefined : nameOf(node)
}

export const onlySeededRandom: Rule = {
  name: 'random numbers come from a seeded source',
  check: files =>
    files
      .filter(file => isSource(file) && !randomAllowed[file.path])
      .flatMap(file =>
        findInCode(file, node => {
          if (node.type !== 'MemberExpression') return undefined
          const name = `${nameOf(node['object'])}.${nameOf(node['property'])}`
          return name === 'Math.random' ? name : undefined
        }).map(use => `${use}: a run could not be repeated from its seed`),
      ),
  bad: [[{ path: 'src/ops/sample.ts', text: 'const x = Math.random()' }]],
  good: [{ path: 'src/ops/sample.ts', text: '/* Math.random() */ Math.round(1)' }],
}

export const engineNamesNoOperator: Rule = {
  name: 'engine/ names no operator, receiver or sink',
  check: files => {
    // One-word names (map, count) are ordinary words too; those of two words mean the operator.
    const names = new Set(
      files.flatMap(({ path, text }) => {
        const file = /^src\/(?:ops|receivers|sinks)\/([\w-]+)\.ts$/.exec(path)?.[1]
        if (file === undefined) return []
        const declared = /\bname: '(\w+)'/.exec(text)?.[1] ?? ''
        return [file, camelCase(file), declared].filter(name => /-|[a-z][A-Z]/.test(name))
      }),
    )
    return files
      .filter(file => file.path.startsWith('src/engine/'))
      .flatMap(file =>
        findInCode(file, node =>
          node.type === 'Literal' && names.has(String(node['value']))
            ? `'${node['value']}'`
            : undefined,
        ).map(use => `${use}: an operator declares its answer as data`),
      )
  },
  bad: [
    [
      { path: 'src/ops/reduce-by-key.ts', text: '' },
      { path: 'src/engine/plan.ts', text: `if (node.name === 'reduceByKey') stop()` },
    ],
    [
      { path: 'src/ops/save.ts', text: `const save = { name: 'saveAsTextFile' }` },
      { path: 'src/engine/plan.ts', text: `if (node.name === 'saveAsTextFile') stop()` },
    ],
    [
      { path: 'src/receivers/text-file.ts', text: '' },
      { path: 'src/engine/plan.ts', text: `switch (node.name) { case 'text-file': stop() }` },
    ],
  ],
  good: [
    { path: 'src/ops/reduce-by-key.ts', text: '' },
    { path: 'src/ops/map.ts', text: '' },
    { path: 'src/engine/plan.ts', text: `// 'reduceByKey'\nconst word = 'map'` },
  ],
}

/** `graph` belongs to graph algorithms: what the engine plans is the dag. */
export const dagIsNotGraph: Rule = {
  name: 'the plan of operators is called dag, not graph',
  check: files =>
    files.filter(isSource).flatMap(file => {
      const { types } = parseFile(file)
      const inTypes = [...types.matchAll(/\b[\w$]*graph[\w$]*/gi)].map(
        ({ 0: name, index }) => `${file.path}:${lineAt(types, index)} has ${name}`,
      )
      const inCode = findInCode(file, node =>
        node.type === 'Identifier' && /graph/i.test(nameOf(node)) ? nameOf(node) : undefined,
      )
      const all = [
        ...(/graph/i.test(file.path) ? [`${file.path}:1 has it`] : []),
        ...inCode,
        ...inTypes,
      ]
      return all.map(use => `${use}: say dag`)
    }),
  bad: [
    [{ path: 'src/engine/dag.ts', text: 'const graph = 1' }],
    [{ path: 'src/engine/dag.ts', text: 'interface StreamGraph { a: 1 }' }],
    [{ path: 'src/engine/dag.ts', text: 'x.buildGraph()' }],
    [{ path: 'src/engine/graph.ts', text: '' }],
  ],
  good: [{ path: 'src/engine/dag.ts', text: '// not a graph\nconst dag = "graph"' }],
}

const nameOf = (node: unknown): string => String((node as Node | null)?.['name'] ?? '')

const camelCase = (name: string): string =>
  name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** Whether an identifier is the name of a member, as in `socket.setTimeout`, not a variable. */
function isPropertyName(node: Node, parent: Node | undefined): boolean {
  if (!parent || parent['computed'] === true) return false
  if (parent.type === 'MemberExpression') return parent['property'] === node
  if (parent.type === 'Property') return parent['key'] === node && parent['shorthand'] !== true
  return parent.type === 'MethodDefinition' || parent.type === 'PropertyDefinition'
}

function findInCode(
  file: SourceFile,
  use: (node: Node, parent: Node | undefined) => string | undefined,
): string[] {
  const { program } = parseFile(file)
  const found: string[] = []
  walk(program, (node, parent) => {
    const name = use(node, parent)
    if (name !== undefined) found.push(`${file.path}:${lineAt(file.text, node.start)} has ${name}`)
  })
  return found
}
