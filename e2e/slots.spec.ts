import type { Browser, CDPSession, Page } from '@playwright/test'
import { expect, test } from '@playwright/test'
import { assemble, wat } from '../test/runtime/wasi/wat-program.ts'
import type { PageRun } from './sandbox-page/main.ts'
import { busyThreads, msUntilStopped } from './support/browser-cpu.ts'
import type { SandboxSite } from './support/sandbox-site.ts'
import { openSandboxSite } from './support/sandbox-site.ts'

/** A killed guest stops burning CPU within this. Chromium gives a worker 2 s to end by itself before it makes it. */
const stopMs = 3_000
let site: SandboxSite
let wasiLoop: string

test.beforeAll(async () => {
  site = await openSandboxSite()
  wasiLoop = Buffer.from(await assemble(wat('(loop (br 0))'))).toString('base64')
})

test.afterAll(async () => {
  await site?.close()
})

const seed = '00'.repeat(32)
const limits = { fuel: Number.MAX_SAFE_INTEGER, maxDurationSeconds: 60 }
const adds: PageRun = { program: 'export default (x) => x + 1', input: 1, seed }

const long: PageRun = {
  program: 'export default (n) => { let s = 0; for (let i = 0; i < n; i++) s += i % 7; return s }',
  input: 3e7,
  seed,
}

/** Programs that go on until their thread is killed. */
const endless: Readonly<Record<string, () => PageRun>> = {
  'a call of the engine that asks for no fuel for minutes': () => ({
    program: 'export default () => { const a = "a".repeat(2e7); let n = 0; for (;;) n += a.indexOf("ab") }',
    limits,
    seed,
  }),
  'a WASI loop with all the fuel there is': () => ({ program: { base64: wasiLoop }, limits, seed }),
}

async function open(page: Page, browser: Browser, slots: number): Promise<CDPSession> {
  await page.goto(site.origin)
  await page.evaluate((count) => window.sandboxPage.start(count), slots)
  return browser.newBrowserCDPSession()
}

/** The threads that are at work once so many are. */
async function threadsAtWork(session: CDPSession, count: number): Promise<readonly string[]> {
  let threads: readonly string[] = []
  await expect
    .poll(
      async () => {
        threads = await busyThreads(session)
        return threads.length
      },
      { timeout: 30_000 },
    )
    .toBe(count)
  return threads
}

const hold = (page: Page, run: PageRun, count: number): Promise<void> =>
  page.evaluate(([one, times]) => window.sandboxPage.hold(one, times), [run, count] as const)

/** Kills what is held, and says how long its threads were at work after it. */
async function kill(page: Page, session: CDPSession, threads: readonly string[]): Promise<number> {
  const start = performance.now()
  const ends = await page.evaluate(() => window.sandboxPage.abortHeld())
  expect(new Set(ends)).toEqual(new Set(['cancelled']))
  return msUntilStopped(session, threads, start)
}

/**
 * SBX-03's bound, or what the browser takes here to stop as many plain workers without anything of ours: with more of them
 * than cores its own threads wait for their turn as well.
 */
async function boundMs(browser: Browser, slots: number): Promise<number> {
  const page = await browser.newPage()
  const session = await browser.newBrowserCDPSession()
  await page.evaluate((count) => {
    const source = 'data:text/javascript,for (;;) {}'
    Object.assign(window, { bare: Array.from({ length: count }, () => new Worker(source)) })
  }, slots)
  const threads = await threadsAtWork(session, slots)
  const start = performance.now()
  await page.evaluate(() => {
    for (const worker of (window as unknown as { bare: Worker[] }).bare) worker.terminate()
  })
  const bareMs = await msUntilStopped(session, threads, start)
  await page.close()
  console.log(`${slots} plain workers: stopped after ${bareMs.toFixed(0)} ms`)
  return Math.max(stopMs, bareMs + 1_000)
}

for (const [name, run] of Object.entries(endless)) {
  for (const slots of [1, 2, 4]) {
    test(`SBX-03 ${name}: killed in each of ${slots} slots, it stops within 3 s`, async ({
      page,
      browser,
    }) => {
      const session = await open(page, browser, slots)
      await hold(page, run(), slots)
      const ms = await kill(page, session, await threadsAtWork(session, slots))
      console.log(`${slots} slots, ${name}: stopped after ${ms.toFixed(0)} ms`)
      expect(ms).toBeLessThan(stopMs)
      const results = await page.evaluate(
        ([one, times]) => Promise.all(Array.from({ length: times }, () => window.sandboxPage.run(one))),
        [adds, slots] as const,
      )
      expect(results.map(({ output }) => output)).toEqual(Array(slots).fill('2'))
    })
  }

  for (const slots of [4]) {
    test(`SBX-03 TSK-07 ${name}: killed in one of ${slots} slots, it stops within 3 s where the browser can, and the others go on`, async ({
      page,
      browser,
    }) => {
      const bound = await boundMs(browser, slots)
      const session = await open(page, browser, slots)
      await hold(page, run(), 1)
      const threads = await threadsAtWork(session, 1)
      // Ends by itself, after some seconds: the kill falls into the middle of it.
      await page.evaluate(([one, times]) => window.sandboxPage.begin(one, times), [long, slots - 1] as const)
      const ms = await kill(page, session, threads)
      console.log(`one of ${slots} slots, ${name}: stopped after ${ms.toFixed(0)} ms`)
      expect(ms).toBeLessThan(bound)
      expect(await page.evaluate((one) => window.sandboxPage.run(one), adds)).toMatchObject({ output: '2' })
      const begun = await page.evaluate(() => window.sandboxPage.begun())
      expect(begun.map(({ output }) => output)).toEqual(Array(slots - 1).fill('89999995'))
    })
  }
}

test('SBX-03 closing the pool stops whatever runs within 3 s', async ({ page, browser }) => {
  const bound = await boundMs(browser, 2)
  const session = await open(page, browser, 2)
  await hold(page, endless['a WASI loop with all the fuel there is']!(), 2)
  const threads = await threadsAtWork(session, 2)
  const start = performance.now()
  await page.evaluate(() => window.sandboxPage.close())
  expect(await msUntilStopped(session, threads, start)).toBeLessThan(bound)
  expect(await page.locator('iframe').count()).toBe(0)
})
