/**
 * Reads what JavaScript hides: where a function was written and the variables it can see. Node's
 * inspector, connected to this very thread, answers both without the Debugger domain. That domain
 * is switched on only to learn the URL and source of a script not met before, and off again in the
 * same turn, so user code never runs while it is on and `--inspect` is left alone.
 */
import type { Session } from 'node:inspector'
import { getCallSites } from 'node:util'

/**
 * The variables of one scope by name; reading one that is not yet initialised throws a
 * ReferenceError.
 */
export type Variables = Record<string, unknown>

export interface Scope {
  /** V8's word for it, such as `Module`, `Block` or `Closure (name)`. */
  readonly kind: string
  readonly variables: Variables
}

export interface Located {
  readonly scriptId: string
  /** Line of the function's first parenthesis (of its first character for an arrow), from 0. */
  readonly line: number
  /** Column of the same, from 0. */
  readonly column: number
  /** Innermost first; the global scope is left out. */
  readonly scopes: readonly Scope[]
}

export interface Script {
  /** URL as V8 knows it; empty for code made by `new Function`. */
  readonly url: string
  readonly source: string
}

const HOLDER = 'pelton.functions.inspector'
const SCRIPTS_MAX = 10_000
/** Frames between an operator that is called and the code that reads its caller, and some more. */
const FRAMES_MAX = 12

interface Channel {
  readonly session: Session
  readonly holderId: string
}

let channel: Channel | undefined
let unavailable = false
const scripts = new Map<string, Script>()
/** URLs of scripts that have called an operator: the stack tells them without the debugger. */
const callers = new Map<string, string>()

/** The function being described goes in and the scope list comes out through this object. */
const holder: { fn: Function | undefined; scopes: unknown; take(scopes: unknown): void } = {
  fn: undefined,
  scopes: undefined,
  take(scopes) {
    holder.scopes = scopes
  },
}

/** Posts one command; an in-process session answers before `post` returns. */
function post(session: Session, method: string, params?: object): any {
  let answer: any
  let failure: unknown
  let answered = false
  session.post(method, params ?? {}, (error, result) => {
    failure = error
    answer = result
    answered = true
  })
  if (!answered) throw new Error(`the inspector did not answer ${method}`)
  if (failure) throw new Error(`${method}: ${JSON.stringify(failure)}`)
  return answer
}

/**
 * Connects on first use. Undefined where the inspector is missing (Bun) or denied (`--permission`).
 */
function connect(): Channel | undefined {
  if (channel || unavailable) return channel
  const key = Symbol.for(HOLDER)
  let session: Session | undefined
  try {
    const inspector = process.getBuiltinModule('node:inspector')
    session = new inspector.Session()
    session.connect()
    Object.defineProperty(globalThis, key, { value: holder, configurable: true })
    const expression = `globalThis[Symbol.for('${HOLDER}')]`
    const { result } = post(session, 'Runtime.evaluate', { expression, objectGroup: HOLDER })
    if (!result.objectId) throw new Error('the inspector looks at another realm')
    channel = { session, holderId: result.objectId }
  } catch {
    // A denial is final for this process, so the next capture need not try again.
    unavailable = true
    session?.disconnect()
  } finally {
    Reflect.deleteProperty(globalThis, key)
  }
  return channel
}

/**
 * Where `fn` was written and what it can see, or undefined without an inspector or for native code.
 */
export function locate(fn: Function): Located | undefined {
  const open = connect()
  if (!open) return undefined
  const { session, holderId } = open
  try {
    holder.fn = fn
    const { result } = post(session, 'Runtime.callFunctionOn', {
      objectId: holderId,
      functionDeclaration: 'function(){return this.fn}',
      objectGroup: 'pelton',
    })
    const internal: { name: string; value?: any }[] =
      post(session, 'Runtime.getProperties', { objectId: result.objectId, ownProperties: true })
        .internalProperties ?? []
    const place = internal.find(p => p.name === '[[FunctionLocation]]')?.value?.value
    const list = internal.find(p => p.name === '[[Scopes]]')?.value?.objectId
    if (!place || !list) return undefined
    post(session, 'Runtime.callFunctionOn', {
      objectId: list,
      functionDeclaration: 'function(h){h.take(this)}',
      arguments: [{ objectId: holderId }],
    })
    const found = holder.scopes as { description: string; object: Variables }[]
    const scopes: Scope[] = []
    for (let i = 0; i < found.length; i++) {
      const { description, object } = found[i]!
      if (description !== 'Global') scopes.push({ kind: description, variables: object })
    }
    return { scriptId: place.scriptId, line: place.lineNumber, column: place.columnNumber, scopes }
  } finally {
    holder.fn = undefined
    holder.scopes = undefined
    post(session, 'Runtime.releaseObjectGroup', { objectGroup: 'pelton' })
  }
}

/** Remembers the scripts on the stack: the functions that operators get stand in one of them. */
export function noteCallers(): void {
  if (callers.size >= SCRIPTS_MAX) callers.clear()
  for (const { scriptId, scriptName } of getCallSites(FRAMES_MAX)) {
    // Paths of CommonJS files are not what the inspector calls them.
    if (scriptName.startsWith('file:')) callers.set(scriptId, scriptName)
  }
}

/** URL and source of a script by its id, remembered for good: ids are never used twice. */
export function scriptOf(scriptId: string): Script | undefined {
  const known = scripts.get(scriptId)
  if (known) return known
  const url = callers.get(scriptId)
  const script = url === undefined ? lookUp(scriptId) : new CallerScript(scriptId, url)
  if (!script) return undefined
  if (scripts.size >= SCRIPTS_MAX) scripts.clear()
  scripts.set(scriptId, script)
  return script
}

/** A script whose source is looked up when it is asked for, which few functions need. */
class CallerScript implements Script {
  readonly url: string
  readonly #scriptId: string
  #source: string | undefined

  constructor(scriptId: string, url: string) {
    this.#scriptId = scriptId
    this.url = url
  }

  get source(): string {
    this.#source ??= lookUp(this.#scriptId)?.source ?? ''
    return this.#source
  }
}

/** Asks the debugger, which tells of all scripts first: that takes tens of milliseconds. */
function lookUp(scriptId: string): Script | undefined {
  const open = connect()
  if (!open) return undefined
  const { session } = open
  let url = ''
  const listen = (message: { params: { scriptId: string; url: string } }): void => {
    if (message.params.scriptId === scriptId) url = message.params.url
  }
  session.on('Debugger.scriptParsed', listen)
  try {
    post(session, 'Debugger.enable')
    const { scriptSource } = post(session, 'Debugger.getScriptSource', { scriptId })
    return { url, source: scriptSource as string }
  } finally {
    session.off('Debugger.scriptParsed', listen)
    post(session, 'Debugger.disable')
  }
}

/** Ends the inspector session; the next capture connects again by itself. */
export function disconnect(): void {
  channel?.session.disconnect()
  channel = undefined
  unavailable = false
}
