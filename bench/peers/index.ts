/** Other engines, on the same bytes: where they are found, and what to do where they are not. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { VariantName, WorkloadName } from '../arguments.ts'

/** Where to look for them. */
export interface PeerFolders {
  /** A folder in which npm has installed packages; without it, those of this project. */
  readonly peers?: string | undefined
  /** The folder of the native reference's programs. */
  readonly native?: string | undefined
}

const packages: Partial<Record<VariantName, string>> = {
  duckdb: '@duckdb/node-api',
  polars: 'nodejs-polars',
}
const peerWorkloads: readonly WorkloadName[] = ['W1', 'W2', 'W6']

/** Loads a package from the peers' folder. */
export function requirePeer(name: string, peers: string | undefined): unknown {
  return requireFrom(peers)(name)
}

function requireFrom(peers: string | undefined): NodeJS.Require {
  return createRequire(peers ? join(resolve(peers), 'index.js') : fileURLToPath(import.meta.url))
}

/** Why a variant can not run, as a sentence with the remedy; undefined where it can. */
export function missing(variant: VariantName, folders: PeerFolders): string | undefined {
  const name = packages[variant]
  if (name) {
    try {
      requireFrom(folders.peers).resolve(name)
      return undefined
    } catch {
      const where = folders.peers ? ` in ${folders.peers}` : ''
      return `not installed${where}: npm i --no-save ${name}, or --peers DIR`
    }
  }
  if (!variant.startsWith('native')) return undefined
  if (!folders.native) return 'not built: give the folder of its programs with --native DIR'
  const program = join(folders.native, 'anchor')
  return existsSync(program) ? undefined : `no ${program}: build it with cargo build --release`
}

/** Whether a variant knows the workload at all. */
export function hasWorkload(variant: VariantName, workload: WorkloadName): boolean {
  if (variant === 'pelton-files') return workload === 'W1'
  if (variant === 'native-tuned') return peerWorkloads.includes(workload)
  return packages[variant] || variant === 'native' ? peerWorkloads.includes(workload) : true
}
