import { mixedKeys } from '../conformance/keys.ts'
import { operatorConformance } from '../conformance/operator.ts'
import { mixed } from '../conformance/values.ts'

operatorConformance('mapValues', [
  {
    name: 'changes values and keeps keys, in order',
    input: [
      [
        ['a', 1],
        ['b', 2],
        ['a', 3],
      ],
      [],
      [['', 0]],
    ],
    steps: [['mapValues', (v: number) => v + 10]],
    expected: [
      [
        ['a', 11],
        ['b', 12],
        ['a', 13],
      ],
      [],
      [['', 10]],
    ],
  },
  {
    name: 'passes no RDD on',
    input: [null, [['a', 1]]],
    steps: [['mapValues', (v: number) => -v]],
    expected: [[['a', -1]]],
  },
  {
    name: 'keeps keys of any type',
    input: [mixedKeys.map((key, i) => [key, i])],
    steps: [['mapValues', (v: number) => v * 2]],
    expected: [mixedKeys.map((key, i) => [key, i * 2])],
  },
  {
    name: 'gives the function values of any type, and takes any',
    input: [mixed.map((value, i) => [i, value])],
    steps: [['mapValues', (v: unknown) => [v]]],
    expected: [mixed.map((value, i) => [i, [value]])],
  },
  {
    name: 'after reduceByKey',
    input: [['a', 'a', 'b'], ['', ''], []],
    steps: [
      ['map', (word: string) => [word, 1]],
      ['reduceByKey', (a: number, b: number) => a + b],
      ['mapValues', (v: number) => v + 10],
    ],
    compare: 'keyed',
    expected: [
      [
        ['a', 12],
        ['b', 11],
      ],
      [['', 12]],
      [],
    ],
  },
  {
    name: 'twice, with a change of type between',
    input: [[['a', 3]]],
    steps: [
      ['mapValues', (v: number) => 'x'.repeat(v)],
      ['mapValues', (s: string) => ({ length: s.length, s })],
    ],
    expected: [[['a', { length: 3, s: 'xxx' }]]],
  },
])
