/** The names that a function declares, and the places where its result is made. */
import { namesOf } from './lift-statements.ts'
import type { Syntax } from './syntax.ts'

export class Locals {
  readonly #declared = new Map<string, number>()
  readonly #functions = new Set<string>()

  constructor(root: Syntax) {
    walk(root, node => {
      this.#collect(node)
      return true
    })
  }

  has(name: string): boolean {
    return this.#declared.has(name)
  }

  /** Whether the name stands for one function that is written within, and for nothing else. */
  isFunction(name: string): boolean {
    return this.#functions.has(name) && this.#declared.get(name) === 1
  }

  #collect(node: Syntax): void {
    if (isFunction(node)) {
      const id: string | undefined = node['id']?.['name']
      if (id !== undefined) this.#declareFunction(id)
      for (const parameter of node['params']) this.#declare(namesOf(parameter))
    } else if (node.type === 'CatchClause') this.#declare(namesOf(node['param']))
    else if (node.type === 'VariableDeclaration')
      for (const { id, init } of node['declarations'])
        if (node['kind'] === 'const' && id.type === 'Identifier' && init && isFunction(init))
          this.#declareFunction(id.name)
        else this.#declare(namesOf(id))
  }

  #declareFunction(name: string): void {
    this.#functions.add(name)
    this.#declare([name])
  }

  #declare(names: readonly string[]): void {
    for (const name of names) this.#declared.set(name, (this.#declared.get(name) ?? 0) + 1)
  }
}

/** The expressions whose values a function returns. */
export function resultsOf(fn: Syntax): readonly Syntax[] {
  const results: Syntax[] = []
  if (fn['body']?.type !== 'BlockStatement') results.push(fn['body'])
  else
    walk(fn['body'], node => {
      if (node.type === 'ReturnStatement' && node['argument']) results.push(node['argument'])
      return !isFunction(node)
    })
  return results.flatMap(branches)
}

const isFunction = (node: Syntax): boolean => /Function/.test(node.type)

/** Visits a node and what is in it, as long as `visit` says to go in. */
function walk(node: Syntax, visit: (node: Syntax) => boolean): void {
  if (!visit(node)) return
  for (const key in node) {
    if (key === 'range') continue
    const child = node[key]
    for (const one of Array.isArray(child) ? child : [child])
      if (typeof one?.type === 'string') walk(one, visit)
  }
}

function branches(node: Syntax): Syntax[] {
  if (node.type === 'ConditionalExpression')
    return [...branches(node['consequent']), ...branches(node['alternate'])]
  return [node]
}
