/** Child processes of the benchmarks: messages one at a time, with a limit on every wait. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ANSWER_LIMIT_MS = 300_000
const STDERR_CHARACTERS_MAX = 4000

/**
 * A script of this folder in a process of its own.
 *
 * - `next()` resolves to the child's next message; it rejects when the child ends first, or says
 *   nothing for five minutes. One wait at a time.
 * - What the child prints is kept for the error message and shown nowhere else.
 */
export class Child<Out, In extends string = never> {
  readonly #name: string
  readonly #process: ChildProcess
  readonly #ended: Promise<number | NodeJS.Signals | null>
  readonly #messages: Out[] = []
  #waiting: (() => void) | undefined
  #exit: number | NodeJS.Signals | null | undefined
  #printed = ''

  constructor(script: string, args: readonly string[]) {
    this.#name = [script, ...args].join(' ')
    this.#process = fork(fileURLToPath(new URL(script, import.meta.url)), args, {
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#printed = (this.#printed + text).slice(-STDERR_CHARACTERS_MAX)
      })
    }
    this.#process.on('message', message => {
      this.#messages.push(message as Out)
      this.#waiting?.()
    })
    this.#ended = new Promise(resolve => {
      const end = (how: number | NodeJS.Signals | null): void => {
        this.#exit = how
        this.#waiting?.()
        resolve(how)
      }
      // 'close' comes after the last of the output, so the error message has all of it.
      this.#process.once('close', (code, signal) => end(code ?? signal))
      this.#process.once('error', error => {
        this.#printed += error.message
        end(null)
      })
    })
  }

  send(message: In): void {
    // A child that is gone is reported by the wait that follows.
    this.#process.send(message, () => {})
  }

  async next(limitMs = ANSWER_LIMIT_MS): Promise<Out> {
    if (this.#messages.length === 0 && this.#exit === undefined) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new Error(`${this.#name} said nothing for ${limitMs} ms${this.#output()}`))
        }, limitMs)
        this.#waiting = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#waiting = undefined
    }
    if (this.#messages.length > 0) return this.#messages.shift()!
    throw new Error(`${this.#name} ended with ${this.#exit}${this.#output()}`)
  }

  /** Resolves when the process is gone; after `limitMs` it is killed. */
  async ended(limitMs: number): Promise<void> {
    const timer = setTimeout(() => this.kill(), limitMs)
    await this.#ended
    clearTimeout(timer)
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  #output(): string {
    return this.#printed === '' ? '' : `\n${this.#printed.trimEnd()}`
  }
}
