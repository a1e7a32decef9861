/** What all runs of streams share: their lines, and processes to ask. */
import type { BenchOptions } from './arguments.ts'
import { Child } from './child.ts'
import type { Output } from './latency.ts'

/** A line of the report: as text, and as fields for JSON. */
export interface Line {
  readonly text: string
  readonly fields: Readonly<Record<string, unknown>>
}

export type Run = (
  options: BenchOptions,
  folder: string,
  progress: Output['progress'],
) => Promise<Line[]>

/** Workers and gear, the first arguments of all scripts. */
export function common({ workers, gear }: BenchOptions): string[] {
  return [String(workers.at(-1)), gear]
}

/** What a script of streams/ sends. */
export async function ask<T>(script: string, args: readonly string[]): Promise<T> {
  const child = new Child<T>(`streams/${script}`, args)
  try {
    return await child.next()
  } finally {
    child.kill()
  }
}
