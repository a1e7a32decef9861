/** Every kernel has a micro benchmark, which calls it. */
import { expect, test } from 'vitest'
import { Columns } from '../../bench/micro/kernel-columns.ts'
import { kernelCases } from '../../bench/micro/kernels.ts'

test('every kernel is called by a case', () => {
  const called = new Set<string>()
  let all: string[] = []
  const columns = new Columns(kernels => {
    all = Object.keys(kernels)
    const counted = Object.entries(kernels).map(([name, kernel]) => [
      name,
      (...args: number[]) => {
        called.add(name)
        return (kernel as (...args: number[]) => unknown)(...args)
      },
    ])
    return Object.fromEntries(counted)
  })
  called.clear()
  for (const { run } of kernelCases(columns)) run()
  expect(all.filter(name => !called.has(name))).toEqual([])
  expect(all.length).toBeGreaterThan(100)
})
