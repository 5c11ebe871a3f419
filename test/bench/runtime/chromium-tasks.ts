import { type Browser, chromium, type Page } from 'playwright'
import type {} from '../../../e2e/sandbox-page/main.ts'
import { openSandboxSite } from '../../../e2e/support/sandbox-site.ts'
import { chromiumArgs, locateChromium } from '../../../scripts/chromium.ts'
import type { BenchOptions, Findings } from '../bench.ts'
import { type BenchResult, type Missing, resultOf } from '../result.ts'
import { smallestTask, type TaskKind } from './empty-programs.ts'
import { taskResults, tasksPerBatch } from './task-times.ts'

const warmUpTasks = 100
/** A cold start loads the page, too. */
const coldRunsMax = 5

/** Overhead of a task in a slot of the tab: a worker in a frame of opaque origin, under the final policy. */
export async function measureChromiumTasks(options: BenchOptions): Promise<Findings> {
  const executablePath = locateChromium()
  if (executablePath === undefined) {
    const reason = 'no Chromium was found; name one in TABMESH_CHROMIUM'
    return { results: [], missing: [{ name: 'chromium', reason }] }
  }
  options.progress('Chromium: building the page')
  const site = await openSandboxSite()
  let browser: Browser | undefined
  try {
    browser = await chromium.launch({ executablePath, args: [...chromiumArgs] })
    return await measureKinds(browser, site.origin, options)
  } finally {
    await browser?.close()
    await site.close()
  }
}

async function measureKinds(browser: Browser, origin: string, options: BenchOptions): Promise<Findings> {
  const results: BenchResult[] = []
  const missing: Missing[] = []
  const starts: number[] = []
  for (const kind of ['wasi', 'javascript', 'onnx'] as const) {
    options.progress(`Chromium: ${kind} tasks`)
    const page = await browser.newPage()
    try {
      const { first, warm } = await measureKind(page, origin, kind, options.runs, starts)
      results.push(...taskResults('chromium', kind, { first, warm }))
    } catch (error) {
      missing.push({
        name: `chromium task ${kind}`,
        reason: error instanceof Error ? error.message : String(error),
      })
    } finally {
      await page.close()
    }
  }
  if (starts.length > 0) results.push(resultOf({ name: 'chromium slot start', unit: 'ms', samples: starts }))
  return { results, missing }
}

async function measureKind(page: Page, origin: string, kind: TaskKind, runs: number, starts: number[]) {
  const first: number[] = []
  for (let i = 0; i < Math.min(runs, coldRunsMax); i++) {
    await page.goto(origin)
    starts.push(await page.evaluate(startOneSlot))
    first.push(...(await timeInPage(page, kind, 1)))
  }
  await timeInPage(page, kind, warmUpTasks)
  const warm: (readonly number[])[] = []
  for (let i = 0; i < runs; i++) warm.push(await timeInPage(page, kind, tasksPerBatch))
  return { first, warm }
}

/** Runs in the page. */
async function startOneSlot(): Promise<number> {
  const start = performance.now()
  await window.sandboxPage.start(1)
  return performance.now() - start
}

async function timeInPage(page: Page, kind: TaskKind, count: number): Promise<readonly number[]> {
  const { program, input, seed } = await smallestTask(kind)
  const task = {
    program: { base64: Buffer.from(program).toString('base64') },
    inputBase64: Buffer.from(input).toString('base64'),
    seed,
  }
  const { times, ends } = await page.evaluate(runTasks, { task, count })
  const bad = ends.find((end) => end['kind'] !== 'ok')
  if (bad !== undefined) throw new Error(`A ${kind} task ended with ${JSON.stringify(bad)}`)
  return times
}

interface PageTasks {
  readonly task: Parameters<Window['sandboxPage']['run']>[0]
  readonly count: number
}

/** Runs in the page. Its clock has steps of 0.1 ms, and each time includes SHA-256 of the program. */
async function runTasks({ task, count }: PageTasks) {
  const times: number[] = []
  const ends: Record<string, unknown>[] = []
  for (let i = 0; i < count; i++) {
    const start = performance.now()
    const end = await window.sandboxPage.run(task)
    times.push(performance.now() - start)
    ends.push(end)
  }
  return { times, ends }
}
