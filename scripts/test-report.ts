/** What one run of a test tool amounts to. A file that did not load and a crash of the tool count as failures. */
export interface Tally {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** The parts of Vitest's JSON report that are counted. */
export interface VitestReport {
  readonly testResults: readonly {
    /** The file's path. */
    readonly name: string
    readonly startTime: number
    readonly endTime: number
    readonly status: string
    /** Why the file as a whole failed, where it did. */
    readonly message?: string
    readonly assertionResults: readonly VitestTest[]
  }[]
}

interface VitestTest {
  readonly status: string
  readonly title: string
  readonly fullName?: string
  readonly failureMessages?: readonly string[] | null
}

/** The parts of Playwright's JSON report that are counted; `expected` passed, `flaky` passed only when retried. */
export interface PlaywrightReport {
  readonly stats: {
    readonly expected: number
    readonly unexpected: number
    readonly flaky: number
    readonly skipped: number
  }
  readonly errors: readonly { readonly message?: string }[]
  readonly suites?: readonly PlaywrightSuite[]
}

/** A file, or a group of tests within one. */
interface PlaywrightSuite {
  readonly file: string
  readonly suites?: readonly PlaywrightSuite[]
  readonly specs?: readonly {
    readonly title?: string
    readonly ok?: boolean
    readonly tests: readonly {
      readonly results: readonly {
        readonly duration: number
        readonly errors?: readonly { readonly message?: string }[]
      }[]
    }[]
  }[]
}

/** A test that failed, or a file that could not be run. */
export interface Failure {
  readonly path: string
  readonly title: string
  readonly messages: readonly string[]
}

/** How long a file of tests took. */
export interface FileTime {
  readonly path: string
  readonly seconds: number
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

export function failuresOfVitest({ testResults }: VitestReport): readonly Failure[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed')
    if (failed.length === 0 && status === 'failed')
      return [{ path: name, title: 'the file as a whole', messages: [message ?? ''] }]
    return failed.map((test) => ({
      path: name,
      title: test.fullName ?? test.title,
      messages: test.failureMessages ?? [],
    }))
  })
}

export function failuresOfPlaywright({ suites = [], errors }: PlaywrightReport): readonly Failure[] {
  const whole = errors.map(({ message = '' }) => ({ path: '', title: 'the run', messages: [message] }))
  return [...whole, ...suites.flatMap(failuresOfSuite)]
}

function failuresOfSuite({ file, suites = [], specs = [] }: PlaywrightSuite): readonly Failure[] {
  const own = specs
    .filter(({ ok }) => ok === false)
    .map(({ title = '', tests }) => ({
      path: file,
      title,
      messages: tests.flatMap(({ results }) =>
        results.flatMap(({ errors = [] }) => errors.map(({ message = '' }) => message)),
      ),
    }))
  return [...own, ...suites.flatMap(failuresOfSuite)]
}

const linesShown = 12

/** What failed, once more at the end, where whoever reads only the last lines finds it. */
export function failureList(failures: readonly Failure[]): string {
  const lines = failures.flatMap(({ path, title, messages }) => [
    `  ${path}: ${title}`,
    ...messages
      .flatMap((message) => message.split('\n').slice(0, linesShown))
      .map((line) => `      ${line}`.trimEnd()),
  ])
  return ['failed:', ...lines].join('\n')
}

export function tallyPlaywright({ stats, errors }: PlaywrightReport): Tally {
  return {
    passed: stats.expected,
    failed: stats.unexpected + stats.flaky + errors.length,
    skipped: stats.skipped,
  }
}

export function timesOfVitest({ testResults }: VitestReport): readonly FileTime[] {
  return testResults.map(({ name, startTime, endTime }) => ({
    path: name,
    seconds: (endTime - startTime) / 1_000,
  }))
}

/** Without what a file does before and after all its tests, which the report does not tell. */
export function timesOfPlaywright({ suites = [] }: PlaywrightReport): readonly FileTime[] {
  return suites.map((suite) => ({ path: suite.file, seconds: millisecondsOf(suite) / 1_000 }))
}

function millisecondsOf({ suites = [], specs = [] }: PlaywrightSuite): number {
  const durations = specs.flatMap(({ tests }) =>
    tests.flatMap(({ results }) => results.map(({ duration }) => duration)),
  )
  return [...durations, ...suites.map(millisecondsOf)].reduce((sum, each) => sum + each, 0)
}

const slowestShown = 15

/** Where the time of a run went: its slowest files, and each suite as a whole. */
export function timeTable(files: readonly FileTime[], suites: readonly FileTime[]): string {
  const seconds = (value: number) => value.toFixed(1).padStart(7)
  const slowest = [...files].sort((a, b) => b.seconds - a.seconds).slice(0, slowestShown)
  const line = (time: FileTime) => `${seconds(time.seconds)} s  ${time.path}`
  return ['slowest files:', ...slowest.map(line), 'suites:', ...suites.map(line)].join('\n')
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
