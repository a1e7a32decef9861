import { types } from 'node:util'
import { PeltonError } from '../errors.ts'

function refuseChange(kind: string): () => never {
  return () => {
    throw new PeltonError(
      `This ${kind} was captured by a function and is read-only in workers, where only ` +
        'this worker would see the change. Count with accumulator(), share data with ' +
        'broadcast(), ' +
        'keep a cache per worker with resource(), or copy it first.',
      { code: 'FROZEN' },
    )
  }
}

/** Own methods that hide those of the prototype which change the collection. */
function guards(prototype: object, kind: string, methods: string): PropertyDescriptorMap {
  const names = methods.split(' ').filter(name => name in prototype)
  return Object.fromEntries(names.map(name => [name, { value: refuseChange(kind) }]))
}

const mapMethods = 'set delete clear getOrInsert getOrInsertComputed'
const mapGuards = guards(Map.prototype, 'Map', mapMethods)
const setGuards = guards(Set.prototype, 'Set', 'add delete clear')

/**
 * Freezes one object: its properties, and for a Map or Set its entries. Typed arrays can't be
 * frozen, and a frozen regular expression could not keep its place, so those stay as they are.
 */
export function freezeOne(object: object): void {
  if (types.isMap(object)) Object.defineProperties(object, mapGuards)
  else if (types.isSet(object)) Object.defineProperties(object, setGuards)
  else if (ArrayBuffer.isView(object) || types.isRegExp(object)) return
  Object.freeze(object)
}

/** Freezes plain data all the way down. Keeps its own stack: data may be nested deeply. */
export function freezeDeep(root: unknown): void {
  const todo: object[] = []
  const push = (value: unknown): void => {
    if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) todo.push(value)
  }
  push(root)
  for (let object = todo.pop(); object; object = todo.pop()) {
    if (Object.isFrozen(object) || ArrayBuffer.isView(object) || types.isRegExp(object)) continue
    freezeOne(object)
    if (types.isMap(object))
      for (const [key, value] of object) {
        push(key)
        push(value)
      }
    else if (types.isSet(object)) for (const value of object) push(value)
    else if (Array.isArray(object)) {
      for (let i = 0; i < object.length; i++) push(object[i])
      if (object.length < 1000) for (const key of Object.keys(object)) push((object as any)[key])
    } else for (const key of Object.keys(object)) push((object as Record<string, unknown>)[key])
  }
}
