import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^pelton$/, replacement: source('index.ts') },
      { find: /^pelton\/receivers$/, replacement: source('receivers/index.ts') },
      { find: /^pelton\/sinks$/, replacement: source('sinks/index.ts') },
      { find: /^pelton\/testing$/, replacement: source('testing/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
