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
    readonly Module: (new (
      bytes: Uint8Array,
    ) => KernelModule) & { exports(module: KernelModule): { readonly name: string }[] }
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

/** Counts calls: every kernel adds 1 to its place behind `base`, which tells who calls it. */
export interface KernelMeter {
  counts: Uint32Array
  base: number
}

/** The names of all kernels; a meter's counts are in this order. */
export function kernelNames(module = kernelModule()): string[] {
  const { Module } = (globalThis as unknown as Platform).WebAssembly
  return Module.exports(module).map(({ name }) => name)
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
export function openKernels(
  memory: SharedMemory,
  module = kernelModule(),
  meter?: KernelMeter,
): KernelExports {
  const { Instance } = (globalThis as unknown as Platform).WebAssembly
  const { exports } = new Instance(module, { env: { memory } })
  const kernels: Record<string, unknown> = { ...exports }
  const unsigned = new Set<string>(UNSIGNED_RESULTS)
  for (const [index, name] of kernelNames(module).entries()) {
    const isUnsigned = unsigned.has(name)
    if (meter || isUnsigned) kernels[name] = wrapped(exports[name]!, isUnsigned, meter, index)
  }
  return kernels as unknown as KernelExports
}

/** A function of its own for every kernel, with just its parameters, so that V8 inlines it. */
function wrapped(
  kernel: Function,
  isUnsigned: boolean,
  meter: KernelMeter | undefined,
  index: number,
): Function {
  const parameters = Array.from({ length: kernel.length }, (_, i) => `p${i}`).join(', ')
  const counting = meter ? `meter.counts[meter.base + ${index}]++; ` : ''
  const result = `kernel(${parameters})${isUnsigned ? ' >>> 0' : ''}`
  const source = `'use strict'; return (${parameters}) => { ${counting}return ${result} }`
  return new Function('kernel', 'meter', source)(kernel, meter)
}
