import { defineConfig } from 'vitest/config'

const node = {
  environment: 'node' as const,
  execArgv: ['--disable-warning=ExperimentalWarning'],
  globalSetup: ['test/support/built-programs.ts'],
  // A second, as by default, is little on a machine that does much else.
  expect: { poll: { timeout: 30_000 } },
}

export default defineConfig({
  test: {
    passWithNoTests: false,
    // One for each core: by default vitest leaves one idle, which of two is half.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          ...node,
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/integration/**', 'test/long/**'],
          // Only what hangs: how long work may take is no matter of these, but of the machine.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // Real relay processes, sockets and disks. Most of their time they wait for one another.
        test: {
          ...node,
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      {
        test: {
          ...node,
          name: 'long',
          include: ['test/long/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 3_600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
})
