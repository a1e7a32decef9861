/** Actions that write an RDD to a directory. */
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Call, callOf, pathOption } from '../apply.ts'
import type { Operator } from '../engine/operator.ts'
import { PeltonError } from '../errors.ts'
import * as ops from '../ops/index.ts'
import { PartitionRdd } from './partitions.ts'

/** What becomes of a directory that is there already. */
export interface SaveOptions {
  /** Replaces it; without this it is an error. */
  readonly overwrite?: boolean
}

/** Files, one a partition. */
export abstract class SavedRdd<T> extends PartitionRdd<T> {
  /**
   * Writes `directory/part-NNNNN`, one file a partition, and `_SUCCESS` at the end.
   * Rejects when the directory exists, unless told to overwrite it.
   *
   * @example await rdd.saveAsTextFile('out/words')
   */
  async saveAsTextFile(directory: string, options: SaveOptions = {}): Promise<void> {
    await this.#savedIn(directory, callOf('saveAsTextFile'), ops.saveText, options)
  }

  /**
   * Writes the rows as they are, for `ssc.objectFile`: plain data of every type that a row may
   * have, at most 256 MiB each. Otherwise like `saveAsTextFile`.
   *
   * @example await rdd.saveAsObjectFile('out/sessions')
   */
  async saveAsObjectFile(directory: string, options: SaveOptions = {}): Promise<void> {
    await this.#savedIn(directory, callOf('saveAsObjectFile'), ops.saveObjects, options)
  }

  async #savedIn(
    directory: string,
    call: Call,
    operator: Operator,
    { overwrite = false }: SaveOptions,
  ): Promise<void> {
    pathOption(call.label, 'directory', directory)
    const exists = statSync(directory, { throwIfNoEntry: false }) !== undefined
    if (exists && !overwrite) {
      throw new PeltonError(
        `Output directory ${directory} already exists; choose another, or pass { overwrite: true }`,
        { code: 'OUTPUT_EXISTS', operator: call.label },
      )
    }
    const temporary = `${directory.replace(/\/+$/, '')}.tmp-${process.pid}-${this.id}`
    mkdirSync(temporary, { recursive: true })
    try {
      const written = this.applied(call, operator, { directory: temporary })
      ;(await written.held()).release()
      writeFileSync(join(temporary, '_SUCCESS'), '')
      if (exists) rmSync(directory, { recursive: true, force: true })
      renameSync(temporary, directory)
    } catch (error) {
      rmSync(temporary, { recursive: true, force: true })
      throw error
    }
  }
}
