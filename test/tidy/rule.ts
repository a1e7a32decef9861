import type { SourceFile } from './source.ts'

/** A house rule: what it finds in a set of files, with samples that prove that it finds it. */
export interface Rule {
  readonly name: string
  /** One sentence for each breach, opening with `path:line`. */
  check(files: readonly SourceFile[]): string[]
  /** Sets of files, each of which breaks the rule. */
  readonly bad: readonly (readonly SourceFile[])[]
  /** A set of files that looks similar and keeps the rule. */
  readonly good: readonly SourceFile[]
}
