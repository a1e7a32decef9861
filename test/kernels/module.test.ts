/** What the module of kernels is made of, and that its description in TypeScript is current. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { buildKernels, kernelInterface } from '../../scripts/build-kernels.ts'
import { compileKernels } from '../../src/columnar/kernels.ts'
import { PeltonError } from '../../src/errors.ts'

const { Module } = (globalThis as any).WebAssembly
const source = new URL('../../src/columnar/kernel-exports.ts', import.meta.url)
const module = new Module(readFileSync(buildKernels()))

/** Numbers of the sections of a module: 6 holds globals, 11 data. */
function sections(bytes: Uint8Array): number[] {
  const found: number[] = []
  let p = 8
  while (p < bytes.length) {
    found.push(bytes[p++]!)
    let size = 0
    for (let shift = 0; ; shift += 7) {
      size |= (bytes[p]! & 127) << shift
      if (bytes[p++]! < 128) break
    }
    p += size
  }
  return found
}

test('instances over one memory share nothing else: no data, no globals', async () => {
  const found = sections(readFileSync(buildKernels()))
  expect(found).toContain(10)
  expect(found).not.toContain(11)
  expect(found).not.toContain(6)
  expect(Module.imports(module)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }])
})

test('kernel-exports.ts is what scripts/build-kernels.ts writes', () => {
  expect(readFileSync(source, 'utf8')).toBe(kernelInterface())
})

test('the interface has every export, and nothing else', () => {
  const declared = [...kernelInterface().matchAll(/^ {2}(\w+)\(/gm)].map(found => found[1])
  const exported = Module.exports(module).map((each: { name: string }) => each.name)
  expect(declared.toSorted()).toEqual(exported.toSorted())
})

test('a missing module is an error that says what to do', () => {
  const missing = new URL('./no-such.wasm', import.meta.url)
  const message = /no-such\.wasm; run `npm run build`/
  expect(() => compileKernels(missing)).toThrow(message)
  expect(() => compileKernels(missing)).toThrow(PeltonError)
})
