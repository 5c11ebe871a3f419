/** What one run of a test tool amounts to. A file that did not load and a crash of the tool count as failures. */
export interface Tally {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** The parts of Vitest's JSON report that are counted. */
export interface VitestReport {
  readonly testResults: readonly {
    readonly status: string
    readonly assertionResults: readonly { readonly status: string; readonly title: string }[]
  }[]
}

/** The parts of Playwright's JSON report that are counted; `expected` passed, `flaky` passed only when retried. */
export interface PlaywrightReport {
  readonly stats: {
    readonly expected: number
    readonly unexpected: number
    readonly flaky: number
    readonly skipped: number
  }
  readonly errors: readonly unknown[]
}

export const nothing: Tally = { passed: 0, failed: 0, skipped: 0 }

export function tallyVitest({ testResults }: VitestReport): Tally {
  let tally = nothing
  for (const { status, assertionResults } of testResults) {
    const count = (...states: string[]) =>
      assertionResults.filter((test) => states.includes(test.status)).length
    const passed = count('passed')
    const skipped = count('skipped', 'pending', 'todo', 'disabled')
    const failedTests = assertionResults.length - passed - skipped
    const failed = failedTests === 0 && status === 'failed' ? 1 : failedTests
    tally = add(tally, { passed, failed, skipped })
  }
  return tally
}

/** What could not be run here, as the tests themselves say it: `not run: redis (redis-server not found)`. */
export function notesOf({ testResults }: VitestReport): readonly string[] {
  const titles = testResults.flatMap(({ assertionResults }) => assertionResults.map(({ title }) => title))
  return [...new Set(titles.filter((title) => title.startsWith('not run: ')))]
}

export function tallyPlaywright({ stats, errors }: PlaywrightReport): Tally {
  return {
    passed: stats.expected,
    failed: stats.unexpected + stats.flaky + errors.length,
    skipped: stats.skipped,
  }
}

/**
 * Adds what the tool's exit code knows and its report does not: an unhandled rejection, a crash, or a run that
 * found no test although there are files of tests.
 */
export function withExitCode(tally: Tally, exitCode: number | null): Tally {
  const ran = tally.passed + tally.failed + tally.skipped > 0
  const missed = tally.failed === 0 && (exitCode !== 0 || !ran)
  return missed ? { ...tally, failed: 1 } : tally
}

export function add(a: Tally, b: Tally): Tally {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped }
}

/** The last line of a test run. */
export function summary({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

/** 0 only when something ran and nothing failed. */
export function exitCodeOf({ passed, failed }: Tally): 0 | 1 {
  return failed === 0 && passed > 0 ? 0 : 1
}
