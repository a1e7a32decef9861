import { createRequire, registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'

let calls = 0

/**
 * The URL that `import(specifier)` would load if it stood in the file `parent`, or undefined when
 * there is none. Node resolves only against the asking module by itself, so a hook lends it the
 * other file's name for one synchronous question.
 */
export function resolveFrom(specifier: string, parent: string): string | undefined {
  const parentURL = parent.startsWith('/') ? pathToFileURL(parent).href : parent
  const question = `pelton:resolve-${calls++}`
  let hooks: { deregister(): void } | undefined
  try {
    hooks = registerHooks({
      resolve: (asked, context, next) =>
        asked === question ? next(specifier, { ...context, parentURL }) : next(asked, context),
    })
    return import.meta.resolve(question)
  } catch {
    return byRequire(specifier, parentURL)
  } finally {
    hooks?.deregister()
  }
}

/** For hosts without `registerHooks` or `import.meta.resolve`. */
function byRequire(specifier: string, parentURL: string): string | undefined {
  try {
    const found = createRequire(parentURL).resolve(specifier)
    return /^(?:\/|[A-Za-z]:\\)/.test(found)
      ? pathToFileURL(found).href
      : `node:${found.replace('node:', '')}`
  } catch {
    return undefined
  }
}
