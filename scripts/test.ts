// Runs the suites one after another, says where the time went, and ends with one line that counts them all.
//   npm test                                everything but what takes long: `long` and `corpora`
//   npm test -- --suite unit [FILTER...]    one suite (repeatable); filters are parts of file names
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureChromium } from './chromium.ts'
import { e2eProjects } from './e2e-projects.ts'
import {
  add,
  exitCodeOf,
  type Failure,
  type FileTime,
  failureList,
  failuresOfPlaywright,
  failuresOfVitest,
  notesOf,
  nothing,
  type PlaywrightReport,
  summary,
  type Tally,
  tallyPlaywright,
  tallyVitest,
  timesOfPlaywright,
  timesOfVitest,
  timeTable,
  type VitestReport,
  withExitCode,
} from './test-report.ts'

interface Asked {
  /** Of the suite. */
  readonly name: string
  readonly filters: readonly string[]
  /** Its files that the filters leave. */
  readonly wanted: readonly string[]
}

interface Suite {
  readonly files: (path: string) => boolean
  readonly run: (asked: Asked) => Tally
}

const root = join(import.meta.dirname, '..')
/** Keeps what Node made of our sources, by what stands in them: the tests start hundreds of processes. */
const compileCache = join(root, 'node_modules/.cache/compiled')
const reports = mkdtempSync(join(tmpdir(), 'tabmesh-test-'))
const testFiles = globSync(['test/**/*.test.ts', 'e2e/**/*.spec.ts'], { cwd: root })
const isIntegration = (path: string) => path.startsWith('test/integration/')
const isLong = (path: string) => path.startsWith('test/long/')
const isBrowser = (path: string) => path.startsWith('e2e/')
/** Of these the short run takes a share, and `corpora` all. */
const isCorpus = (path: string) => ['e2e/onnx.spec.ts', 'e2e/hostile-guests.spec.ts'].includes(path)

const suites = new Map<string, Suite>([
  ['unit', { files: (path) => !isIntegration(path) && !isLong(path) && !isBrowser(path), run: runVitest }],
  ['integration', { files: isIntegration, run: runVitest }],
  ['e2e', { files: isBrowser, run: (asked) => runPlaywright(asked) }],
  ['long', { files: isLong, run: runVitest }],
  ['corpora', { files: isCorpus, run: (asked) => runPlaywright(asked, { TABMESH_CORPORA: 'whole' }) }],
])

const { names, filters } = readArguments()
let total = nothing
const notes = new Set<string>()
const failures: Failure[] = []
const fileTimes: FileTime[] = []
const suiteTimes: FileTime[] = []
let pageIsBuilt = false
try {
  for (const name of names) total = add(total, runSuite(name))
} finally {
  rmSync(reports, { recursive: true, force: true })
}
console.log(timeTable(fileTimes, suiteTimes))
if (failures.length > 0) console.log(failureList(failures))
for (const note of notes) console.log(note)
console.log(summary(total))
process.exitCode = exitCodeOf(total)

function readArguments(): { names: readonly string[]; filters: readonly string[] } {
  const { values, positionals } = parseArgs({
    options: { suite: { type: 'string', multiple: true } },
    allowPositionals: true,
  })
  const asked = values.suite ?? ['unit', 'integration', 'e2e']
  const unknown = asked.filter((name) => !suites.has(name))
  if (unknown.length > 0) {
    console.error(`unknown suite ${unknown.join(', ')}; there are ${[...suites.keys()].join(', ')}`)
    process.exit(2)
  }
  return { names: asked, filters: positionals }
}

function runSuite(name: string): Tally {
  const suite = suites.get(name)
  if (suite === undefined) throw new Error(`no suite ${name}`)
  const files = testFiles.filter(suite.files)
  const wanted =
    filters.length === 0 ? files : files.filter((path) => filters.some((part) => path.includes(part)))
  console.log(`== ${name}: ${wanted.length} files`)
  if (wanted.length === 0) return nothing
  if (name !== 'unit' && !buildPage()) return { ...nothing, failed: 1 }
  const start = performance.now()
  const tally = runOrFail(suite, { name, filters, wanted })
  suiteTimes.push({ path: name, seconds: (performance.now() - start) / 1_000 })
  console.log(`== ${name}: ${summary(tally)}`)
  return tally
}

/** A suite whose tool cannot even be started is one failure, and the other suites still run. */
function runOrFail(suite: Suite, asked: Asked): Tally {
  try {
    return suite.run(asked)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    return { ...nothing, failed: 1 }
  }
}

/** A relay serves the built page, so whatever starts a relay needs it. */
function buildPage(): boolean {
  if (pageIsBuilt || !existsSync(join(root, 'web/index.html'))) return true
  const { status } = runNode(['node_modules/vite/bin/vite.js', 'build', '--logLevel', 'warn'])
  pageIsBuilt = status === 0
  if (!pageIsBuilt) console.error('the page could not be built')
  return pageIsBuilt
}

function runVitest({ name, filters }: Asked): Tally {
  const report = join(reports, `${name}.json`)
  const { status } = runNode([
    'node_modules/vitest/vitest.mjs',
    'run',
    ...['--project', name],
    ...['--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    ...filters,
  ])
  return tallyOf(report, status, (found: VitestReport) => {
    for (const note of notesOf(found)) notes.add(note)
    for (const { path, seconds } of timesOfVitest(found))
      fileTimes.push({ path: relative(root, path), seconds })
    for (const failure of failuresOfVitest(found))
      failures.push({ ...failure, path: relative(root, failure.path) })
    return tallyVitest(found)
  })
}

/** Files that bear company run two at a time, then the others one after another. */
function runPlaywright({ name, wanted }: Asked, env: NodeJS.ProcessEnv = {}): Tally {
  let tally = nothing
  for (const project of e2eProjects) {
    if (!wanted.some(project.has)) continue
    const report = join(reports, `${name}-${project.name}.json`)
    const options = [`--project=${project.name}`, `--workers=${project.workers}`]
    const { status } = runNode(
      ['node_modules/@playwright/test/cli.js', 'test', '--reporter=list,json', ...options, ...wanted],
      {
        TABMESH_CHROMIUM: ensureChromium(),
        ...env,
        PLAYWRIGHT_JSON_OUTPUT_FILE: report,
      },
    )
    tally = add(
      tally,
      tallyOf(report, status, (found: PlaywrightReport) => {
        for (const { path, seconds } of timesOfPlaywright(found))
          fileTimes.push({ path: join('e2e', path), seconds })
        for (const failure of failuresOfPlaywright(found))
          failures.push({ ...failure, path: join('e2e', failure.path) })
        return tallyPlaywright(found)
      }),
    )
  }
  return tally
}

function tallyOf<R>(report: string, status: number | null, count: (report: R) => Tally): Tally {
  const counted = existsSync(report) ? count(JSON.parse(readFileSync(report, 'utf8')) as R) : nothing
  const tally = withExitCode(counted, status)
  if (tally !== counted)
    failures.push({
      path: basename(report),
      title: `ended with code ${status}, and no test says why`,
      messages: [],
    })
  return tally
}

function runNode(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const command = ['--disable-warning=ExperimentalWarning', ...args]
  return spawnSync(process.execPath, command, {
    cwd: root,
    stdio: 'inherit',
    env: { NODE_COMPILE_CACHE: compileCache, ...process.env, ...env },
  })
}
