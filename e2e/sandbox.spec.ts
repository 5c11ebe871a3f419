import type { Page } from '@playwright/test'
import { expect, test } from '@playwright/test'
import type {} from './sandbox-page/main.ts'
import type { SandboxSite } from './support/sandbox-site.ts'
import { openSandboxSite } from './support/sandbox-site.ts'

let site: SandboxSite

test.beforeAll(async () => {
  site = await openSandboxSite()
})

test.afterAll(async () => {
  await site?.close()
})

async function openPage(page: Page, slots: number): Promise<void> {
  await page.goto(site.origin)
  await page.evaluate((count) => window.sandboxPage.start(count), slots)
}

const seed = '00'.repeat(32)
const adds = { program: 'export default (x) => x + 1', input: 1, seed }
const endless = 'export default () => { for (;;); }'

test('SBX-03 a run that hangs is killed by the clock with its frame, and the next one goes ahead', async ({
  page,
}) => {
  await openPage(page, 1)
  const limits = { fuel: 1e15, maxDurationSeconds: 0.5 }
  const result = await page.evaluate((run) => window.sandboxPage.run(run), { program: endless, limits, seed })
  expect(result).toMatchObject({
    kind: 'none',
    reason: 'wallClock',
    message: 'The program was killed after 0.5 s',
  })
  expect(await page.evaluate((run) => window.sandboxPage.run(run), adds)).toMatchObject({
    kind: 'ok',
    output: '2',
  })
  expect(await page.locator('iframe').count()).toBe(1)
  await expect.poll(() => page.workers().length).toBe(1)
})

test('SBX-03 an abort kills the run', async ({ page }) => {
  await openPage(page, 1)
  const run = { program: endless, limits: { fuel: 1e15 }, seed, abortMs: 100 }
  expect(await page.evaluate((one) => window.sandboxPage.run(one), run)).toMatchObject({
    reason: 'cancelled',
  })
  expect(await page.evaluate((one) => window.sandboxPage.run(one), adds)).toMatchObject({ output: '2' })
})

test('TSK-07 programs run at the same time in two frames, and closing takes the frames away', async ({
  page,
}) => {
  await openPage(page, 2)
  const results = await page.evaluate(
    (run) => Promise.all([1, 2, 3, 4, 5].map((input) => window.sandboxPage.run({ ...run, input }))),
    adds,
  )
  expect(results.map(({ output }) => output)).toEqual(['2', '3', '4', '5', '6'])
  expect(await page.locator('iframe').count()).toBe(2)
  await page.evaluate(() => window.sandboxPage.close())
  expect(await page.locator('iframe').count()).toBe(0)
  expect(await page.evaluate((run) => window.sandboxPage.run(run), adds)).toMatchObject({ kind: 'none' })
})

test('the page goes on answering while programs run', async ({ page }) => {
  await openPage(page, 1)
  const run = { program: endless, limits: { fuel: 1e15, maxDurationSeconds: 2 }, seed }
  const gap = await page.evaluate(async (one) => {
    const running = window.sandboxPage.run(one)
    let longest = 0
    let last = performance.now()
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    }, 10)
    await running
    clearInterval(timer)
    return longest
  }, run)
  expect(gap).toBeLessThan(500)
})

test('overhead of a trivial program, spawn to result, on a warm slot', async ({ page }) => {
  await openPage(page, 1)
  await page.evaluate((run) => window.sandboxPage.time(run, 50), adds)
  const times = (await page.evaluate((run) => window.sandboxPage.time(run, 300), adds)).sort((a, b) => a - b)
  test
    .info()
    .annotations.push({ type: 'overhead', description: `p50 ${times[150]} ms, p95 ${times[285]} ms` })
  console.log(`overhead in Chromium: p50 ${times[150]?.toFixed(2)} ms, p95 ${times[285]?.toFixed(2)} ms`)
  expect(times[150]).toBeLessThan(50)
})
