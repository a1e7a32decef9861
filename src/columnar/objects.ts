/**
 * Plain objects from columns. A field is always an own property, whatever its name: `__proto__`
 * never reaches a prototype.
 */

/**
 * Makes rows [start, end) of `columns` (one for each name, in order) into objects and puts them
 * into `out` from index `at`.
 */
export type ObjectMaker = (
  columns: readonly ArrayLike<unknown>[],
  start: number,
  end: number,
  out: object[],
  at: number,
) => void

/** Compiled makers are few in practice; the limit is for jobs that invent keys without end. */
const MAKERS_MAX = 512
const makers = new Map<string, ObjectMaker>()

/**
 * The maker for objects with these keys, in this order. Compiled, because an object literal is
 * made five to ten times faster than one that grows key by key; where code generation is denied
 * (`--disallow-code-generation-from-strings`) it falls back to the latter.
 */
export function objectMaker(names: readonly string[]): ObjectMaker {
  const id = JSON.stringify(names)
  let maker = makers.get(id)
  if (maker === undefined) {
    if (makers.size >= MAKERS_MAX) makers.clear()
    maker = compile(names) ?? plainMaker(names)
    makers.set(id, maker)
  }
  return maker
}

function compile(names: readonly string[]): ObjectMaker | undefined {
  // A computed key defines an own property even for __proto__; a plain one would set the prototype.
  const fields = names.map((name, k) => {
    const key = JSON.stringify(name)
    return `${name === '__proto__' ? `[${key}]` : key}:c${k}[i]`
  })
  const columns = names.map((_, k) => `const c${k}=columns[${k}]\n`).join('')
  const loop = `for(let i=start;i<end;i++)out[at++]={${fields.join(',')}}`
  try {
    return new Function('columns', 'start', 'end', 'out', 'at', columns + loop) as ObjectMaker
  } catch {
    return undefined
  }
}

function plainMaker(names: readonly string[]): ObjectMaker {
  return (columns, start, end, out, at) => {
    for (let i = start; i < end; i++) {
      out[at++] = buildObject(
        names,
        columns.map(column => column[i]),
      )
    }
  }
}

/** One object with these keys and values. */
export function buildObject(names: readonly string[], values: readonly unknown[]): object {
  const object: Record<string, unknown> = {}
  for (let k = 0; k < names.length; k++) {
    const name = names[k]!
    if (name === '__proto__') {
      const attributes = { value: values[k], writable: true, enumerable: true, configurable: true }
      Object.defineProperty(object, name, attributes)
    } else object[name] = values[k]
  }
  return object
}
