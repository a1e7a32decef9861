import { operatorConformance } from '../conformance/operator.ts'
import { from } from '../oracle.ts'

operatorConformance('inputs side by side', [
  {
    name: 'keeps values of different types apart',
    inputs: [[[['k', { a: 1 }]]], [[['k', [null, undefined, 1n]]]]],
    steps: [['cogroup', from(1)]],
    compare: 'keyed',
    expected: [[['k', [[{ a: 1 }], [[null, undefined, 1n]]]]]],
  },
  {
    name: 'refuses rows that are no pairs',
    inputs: [[[1]], [[]]],
    build: (a, b) => a.join(b),
    error: 'is not a [key, value] pair',
  },
])
