/**
 * Kernels over the arena: loops over columns in WebAssembly, which read and write shared memory by
 * address. Their sources are in src/kernels/.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { PeltonError } from '../errors.ts'
import type { SharedMemory } from './arena-layout.ts'
import { type KernelExports, UNSIGNED_RESULTS } from './kernel-exports.ts'

export type { KernelExports } from './kernel-exports.ts'

/** A compiled module of kernels; can be sent to other threads of this process. */
export type KernelModule = object

interface Instance {
  readonly exports: Record<string, (...args: number[]) => number>
}
interface Platform {
  readonly WebAssembly: {
    readonly Module: new (bytes: Uint8Array) => KernelModule
    readonly Instance: new (
      module: KernelModule,
      imports: { env: { memory: SharedMemory } },
    ) => Instance
  }
}

/** The same from src/columnar/ and dist/columnar/. */
const file = new URL('../../build/kernels.wasm', import.meta.url)

let compiled: KernelModule | undefined

/**
 * The module of kernels, compiled when first asked for in this thread.
 *
 * @throws PeltonError `KERNELS_MISSING` where the build product isn't there.
 * @example new Worker(url, { workerData: { module: kernelModule(), arena: arena.handle() } })
 */
export function kernelModule(): KernelModule {
  compiled ??= compileKernels(file)
  return compiled
}

/** Compiles the module in a file. */
export function compileKernels(url: URL): KernelModule {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(url)
  } catch (cause) {
    throw new PeltonError(
      `Cannot read the kernels from ${fileURLToPath(url)}; run \`npm run build\``,
      { code: 'KERNELS_MISSING', cause },
    )
  }
  return new (globalThis as unknown as Platform).WebAssembly.Module(bytes)
}

/**
 * Kernels that work on `memory`. One instance a thread is enough: kernels keep nothing between
 * calls. Addresses and counts passed in must be what the kernel's description says: a wrong one
 * reads or overwrites other data, or traps.
 *
 * @example
 * const kernels = openKernels(arena.handle().memory)
 * kernels.isAsciiText(address, length)
 */
export function openKernels(memory: SharedMemory, module = kernelModule()): KernelExports {
  const { Instance } = (globalThis as unknown as Platform).WebAssembly
  const { exports } = new Instance(module, { env: { memory } })
  const kernels: Record<string, unknown> = { ...exports }
  for (const name of UNSIGNED_RESULTS) {
    const signed = exports[name]!
    kernels[name] = (...args: number[]) => signed(...args) >>> 0
  }
  return kernels as unknown as KernelExports
}
