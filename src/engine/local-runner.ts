/** Tasks on the main thread: for stages so small that no worker could answer in time. */
import type { Arena } from '../columnar/arena.ts'
import { threadOwner } from './block-store.ts'
import type { Operator } from './operator.ts'
import type { TaskMessage, TaskResult } from './program.ts'
import { TaskRunner } from './task.ts'

/** Number of the main thread among the workers, which count from 1. */
export const mainThread = 0

/** What tasks are made of; comes from above the engine, which names no operator. */
export interface TaskKit {
  readonly operators: ReadonlyMap<string, Operator>
  readonly builtins: Readonly<Record<string, Function>>
}

/** The main thread's own runner, made when first needed. */
export class LocalRunner {
  #arena: Arena
  #runner: TaskRunner | undefined

  constructor(arena: Arena) {
    this.#arena = arena
  }

  /** Runs a task whose functions are all known: nothing of the user's may block this thread. */
  run(message: TaskMessage, { operators, builtins }: TaskKit): Promise<TaskResult> {
    this.#runner ??= new TaskRunner(this.#arena, operators, builtins, mainThread)
    return this.#runner.run(message)
  }

  /** Bytes of the arena that this thread keeps for itself between tasks. */
  get bytes(): number {
    return this.#arena.ownedBy(threadOwner(mainThread))
  }

  /** Gives back what it keeps; nothing may run any more. */
  close(): void {
    this.#runner = undefined
    this.#arena.reap(threadOwner(mainThread))
  }
}
