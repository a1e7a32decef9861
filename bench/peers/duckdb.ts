/** DuckDB in this process, over native tables: one query a batch. */
import type { WorkloadName } from '../arguments.ts'
import { BATCHES, cut } from '../data.ts'
import type { Job } from '../workloads/job.ts'
import { openLines } from '../workloads/w1.ts'
import { openPairs } from '../workloads/w2.ts'
import { openW6 } from '../workloads/w6.ts'
import { requirePeer } from './index.ts'

/** What is used of @duckdb/node-api, which this project does not depend on. */
interface Connection {
  run(sql: string): Promise<unknown>
  runAndReadAll(sql: string): Promise<{ getRows(): unknown[][] }>
  createAppender(table: string): Promise<Appender>
}
interface Appender {
  appendDataChunk(chunk: Chunk): void
  closeSync(): void
}
interface Chunk {
  setColumnValues(column: number, values: ArrayLike<unknown>): void
}
interface Duckdb {
  readonly BIGINT: unknown
  readonly DOUBLE: unknown
  readonly DuckDBInstance: {
    create(
      path: string,
      options: Record<string, string>,
    ): Promise<{ connect(): Promise<Connection> }>
  }
  readonly DuckDBDataChunk: { create(types: readonly unknown[], rows: number): Chunk }
}

const chunkRows = 2048

/** Loads the data into tables; integers are BIGINT, as they would be in a database. */
export async function openDuckdb(
  workload: WorkloadName,
  folder: string,
  workers: number,
  peers: string | undefined,
): Promise<Job> {
  const duckdb = requirePeer('@duckdb/node-api', peers) as Duckdb
  const instance = await duckdb.DuckDBInstance.create(':memory:', { threads: String(workers) })
  const connection = await instance.connect()
  if (workload === 'W1') return wordCount(connection, folder)
  if (workload === 'W2') return keyedSum(duckdb, connection, folder)
  return numbers(duckdb, connection, folder)
}

async function wordCount(connection: Connection, folder: string): Promise<Job> {
  const file = openLines(folder)
  const path = file.path.replaceAll("'", "''")
  // One column of whole lines: nothing is quoted, and no separator occurs.
  await connection.run(
    `create table lines as select line from read_csv('${path}', columns={'line': 'VARCHAR'}, ` +
      "delim='\x01', quote='', escape='', header=false, auto_detect=false)",
  )
  const [[lines]] = (await connection.runAndReadAll('select count(*) from lines')).getRows() as [
    [bigint],
  ]
  const ranges = cut(Number(lines), BATCHES)
  for (const [i, { from, to }] of ranges.entries()) {
    await connection.run(
      `create table b${i} as select line from lines where rowid >= ${from} and rowid < ${to}`,
    )
  }
  await connection.run('drop table lines')
  return queries(connection, file.words, ranges.length, i => [
    `select w, count(*) n from (select unnest(string_split(line, ' ')) w from b${i}) group by w`,
    'n',
  ])
}

async function keyedSum(duckdb: Duckdb, connection: Connection, folder: string): Promise<Job> {
  const pairs = openPairs(folder)
  let count = 0
  for (const { keys, values } of pairs.batches()) {
    await connection.run(`create table b${count} (k bigint, v double)`)
    const types = [duckdb.BIGINT, duckdb.DOUBLE]
    await append(duckdb, connection, `b${count}`, types, [BigInt64Array.from(keys, BigInt), values])
    count++
  }
  return queries(connection, pairs.rows, count, i => [
    `select k, sum(v) s from b${i} group by k`,
    's',
  ])
}

async function numbers(duckdb: Duckdb, connection: Connection, folder: string): Promise<Job> {
  const file = openW6(folder)
  await connection.run('create table numbers (x bigint)')
  const columns = [BigInt64Array.from(file.read(), BigInt)]
  await append(duckdb, connection, 'numbers', [duckdb.BIGINT], columns)
  return {
    rows: file.rows,
    async run() {
      const sql = 'select count(*) from numbers where x % 2 = 0 and (x * 3 + 1) % 5 < 3'
      const [row] = (await connection.runAndReadAll(sql)).getRows()
      return [[1, Number(row![0])]]
    },
  }
}

async function append(
  duckdb: Duckdb,
  connection: Connection,
  table: string,
  types: readonly unknown[],
  columns: readonly (BigInt64Array | Float64Array)[],
): Promise<void> {
  const appender = await connection.createAppender(table)
  const rows = columns[0]!.length
  for (let from = 0; from < rows; from += chunkRows) {
    const to = Math.min(rows, from + chunkRows)
    const chunk = duckdb.DuckDBDataChunk.create(types, to - from)
    for (const [i, values] of columns.entries()) chunk.setColumnValues(i, values.subarray(from, to))
    appender.appendDataChunk(chunk)
  }
  appender.closeSync()
}

/** Runs a grouping a batch, and its check by a query around it. */
function queries(
  connection: Connection,
  rows: number,
  count: number,
  grouping: (batch: number) => [sql: string, value: string],
): Job {
  return {
    rows,
    async run() {
      const checks: [number, number][] = []
      for (let batch = 0; batch < count; batch++) {
        const [sql, value] = grouping(batch)
        const check = `select count(*), sum(${value}) from (${sql})`
        const [row] = (await connection.runAndReadAll(check)).getRows()
        checks.push([Number(row![0]), Number(row![1])])
      }
      return checks
    },
  }
}
