/** What the function of `mapWithState` may do to the state of the key at hand. */
import { PeltonError } from '../errors.ts'

/**
 * The state of one key. Valid during one call of the function only.
 *
 * @example
 * StateSpec.function((word, one, state) => {
 *   state.update((state.getOption() ?? 0) + one)
 *   return [word, state.get()]
 * })
 */
export class KeyState<S = unknown> {
  #value: S | undefined
  #exists = false
  #updated = false
  #removed = false
  #timingOut = false

  /** Whether the key has a state. */
  exists(): boolean {
    return this.#exists
  }

  /**
   * The state.
   *
   * @throws PeltonError `STATE_NOT_SET` where there is none; ask `exists()` first.
   */
  get(): S {
    if (this.#exists) return this.#value as S
    throw new PeltonError('State is not set: ask exists() first, or use getOption()', {
      code: 'STATE_NOT_SET',
    })
  }

  /** The state, or undefined where there is none. */
  getOption(): S | undefined {
    return this.#exists ? this.#value : undefined
  }

  /**
   * Sets the state.
   *
   * @throws PeltonError `STATE_CHANGE` after `remove()`, and while the key times out.
   */
  update(state: S): void {
    if (this.#removed) throw refused('Cannot update the state after it has been removed')
    if (this.#timingOut) throw refused('Cannot update the state that is timing out')
    this.#value = state
    this.#exists = true
    this.#updated = true
  }

  /**
   * Forgets the key after this call.
   *
   * @throws PeltonError `STATE_CHANGE` a second time, and while the key times out.
   */
  remove(): void {
    if (this.#timingOut) throw refused('Cannot remove the state that is timing out')
    if (this.#removed) throw refused('Cannot remove the state that has already been removed')
    this.#value = undefined
    this.#exists = false
    this.#updated = false
    this.#removed = true
  }

  /** Whether this is the key's last call: it has had no record for longer than the timeout. */
  isTimingOut(): boolean {
    return this.#timingOut
  }

  /** For the engine: stands for the state of another key, or of none. */
  wrap(exists: boolean, value: S | undefined, timingOut: boolean): this {
    this.#value = value
    this.#exists = exists
    this.#updated = false
    this.#removed = false
    this.#timingOut = timingOut
    return this
  }

  /** For the engine: what the call did. */
  get outcome(): 'updated' | 'removed' | 'as it was' {
    if (this.#removed) return 'removed'
    return this.#updated ? 'updated' : 'as it was'
  }
}

function refused(message: string): PeltonError {
  return new PeltonError(message, { code: 'STATE_CHANGE' })
}
