/** Actions that write an RDD to a directory. */
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Call, callOf, pathOption } from '../apply.ts'
import type { Operator } from '../engine/operator.ts'
import type { PartOptions, SavedPart } from '../engine/sink.ts'
import { misused, PeltonError, preview } from '../errors.ts'
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

  /**
   * Writes each partition that has rows as a file of its own into a directory that is there, and
   * tells what was written: for sinks that make the files count by a commit of their own. In a
   * batch the names have its time in them, as in `part-1000-00003`; files of these names are
   * replaced.
   *
   * As `text` a row is a line: strings as they are, others as JSON; a string with a line break is
   * an error (code `VALUE`). As `json` every row is a line of JSON, as `objects` what
   * `ssc.objectFile` reads.
   *
   * @example const files = await rdd.saveParts('upload', { format: 'json' })
   */
  async saveParts(directory: string, options: PartOptions): Promise<SavedPart[]> {
    const { label, place } = this.scope.caller ?? callOf('saveParts')
    const call = { label, place }
    pathOption(call.label, 'directory', directory)
    const { format, fsync = true } = options
    if (!['text', 'json', 'objects'].includes(format)) {
      throw misused(call, `needs a format, text, json or objects; got ${preview(format)}`)
    }
    const operator = format === 'objects' ? ops.saveObjects : ops.saveLines
    const json = format === 'json'
    const parts = this.applied<SavedPart>(call, operator, {
      directory: resolve(directory),
      skipsEmpty: true,
      fsync,
      json,
    })
    parts.node.time = this.scope.batchTime
    return await parts.rows()
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
