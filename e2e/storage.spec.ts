import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type BrowserContext, chromium, expect, type Page, test } from '@playwright/test'
import { chromiumArgs, ensureChromium } from '../scripts/chromium.ts'
import { blobStoreContract } from '../test/contract/blob-store.contract.ts'
import { storeContract } from '../test/contract/store.contract.ts'
import { bundlePage, servePage, testOrigin } from './support/page-bundle.ts'

let script: string

test.beforeAll(async () => {
  script = await bundlePage(new URL('./support/storage-page.ts', import.meta.url))
})

async function openPage(context: BrowserContext): Promise<Page> {
  await servePage(context, script)
  const page = await context.newPage()
  await page.goto(testOrigin)
  await page.waitForFunction('window.storagePage')
  return page
}

test('STO-03 IndexedDB keeps the contract of a store', async ({ context }) => {
  const page = await openPage(context)
  for (const [i, { name }] of storeContract.entries()) {
    await test.step(name, () =>
      page.evaluate(([what, profile]) => window.storagePage.runStoreCase(what, profile), [
        name,
        `case-${i}`,
      ] as const),
    )
  }
})

test('STO-07 blobs in IndexedDB keep the contract of a blob store', async ({ context }) => {
  const page = await openPage(context)
  for (const [i, { name }] of blobStoreContract.entries()) {
    await test.step(name, () =>
      page.evaluate(([what, profile]) => window.storagePage.runBlobCase(what, profile), [
        name,
        `case-${i}`,
      ] as const),
    )
  }
})

test('STO-03 a database of a later version is refused with what to do', async ({ context }) => {
  const page = await openPage(context)
  expect(await page.evaluate(() => window.storagePage.openAsLaterVersion('later'))).toEqual({
    code: 'OpenFailed',
    message:
      'Cannot open the browser database tabmesh-store/later: it was written by a later version of this page; reload the page',
  })
})

test('WEB-02 jobs that the first version of the page kept are listed, and shown, as before', async ({
  context,
}) => {
  const page = await openPage(context)
  const state = { networkId: 'ab'.repeat(32), jobId: 'x', secret: 'cd'.repeat(32) }
  const result = (index: number, status: string) => ({ index, taskId: `${index}`, status, receipt: null })
  const program = `// A comment\nexport default (x) => x // ${'long '.repeat(200_000)}`
  const [javascript, wasi] = [{ taskType: 'javascript' }, { taskType: 'wasi' }]
  const done = { jobId: 'done', state, program, inputs: ['a', { b: 1 }, 3], options: javascript }
  const open = { jobId: 'open', state, program: '\0asm', inputs: ['y'.repeat(200)], options: wasi }
  const results = [result(0, 'completed'), result(1, 'failed'), result(2, 'completed')]
  const { all, works, after } = await page.evaluate(
    (jobs) => window.storagePage.upgradeJobs('first', jobs),
    [
      { ...done, name: 'Your program', startedAt: 1_000, endedAt: 2_000, results },
      { ...open, name: 'a.wasm', startedAt: 3_000, endedAt: null, results: [] },
    ],
  )
  const { networkId } = state
  const listed = [
    {
      ...{ jobId: 'open', networkId, name: 'a.wasm', items: 1, startedAt: 3_000, endedAt: null },
      ...{ programBegins: null, inputBegins: `${'y'.repeat(72)}…`, completed: 0, failed: 0 },
    },
    {
      ...{ jobId: 'done', networkId, name: 'Your program', items: 3, startedAt: 1_000, endedAt: 2_000 },
      ...{
        programBegins: expect.stringMatching(/^export default \(x\) => x \/\/ [a-z ]+…$/),
        inputBegins: 'a',
      },
      ...{ completed: 2, failed: 1 },
    },
  ]
  expect(all).toEqual(listed)
  expect(works).toEqual([
    { ...done, results },
    { ...open, results: [] },
  ])
  // What had ended before ended then.
  expect(after).toEqual([{ ...listed[0], endedAt: 9_000, completed: 1 }, listed[1]])
})

test('STO-03 rows per second in batches of 64', async ({ context }) => {
  const page = await openPage(context)
  const rate = await page.evaluate(() => window.storagePage.measure('measure'))
  test.info().annotations.push({ type: 'rows per second', description: String(rate) })
  expect(rate).toBeGreaterThan(100)
})

test('STO-03 has every acknowledged batch, whole, after the browser was killed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tabmesh-browser-'))
  let acknowledged = -1
  for (const killAfter of [3, 40]) {
    const { process: browserProcess, page } = await startBrowser(folder)
    const exited = once(browserProcess, 'exit')
    const { last, isWhole } = await page.evaluate(() => window.storagePage.checkBatches('crash'))
    expect(last).toBeGreaterThanOrEqual(acknowledged)
    expect(isWhole).toBe(true)
    let seen = 0
    await page.exposeFunction('acknowledged', (n: number) => {
      acknowledged = n
      seen += 1
      if (seen === killAfter) browserProcess.kill('SIGKILL')
    })
    await page.evaluate(() => window.storagePage.writeBatches('crash')).catch(() => undefined)
    await exited
  }
  const { process: browserProcess, page } = await startBrowser(folder)
  const { last, isWhole } = await page.evaluate(() => window.storagePage.checkBatches('crash'))
  expect(last).toBeGreaterThanOrEqual(acknowledged)
  expect(last).toBeGreaterThanOrEqual(42)
  expect(isWhole).toBe(true)
  const exited = once(browserProcess, 'exit')
  browserProcess.kill('SIGKILL')
  await exited
  await rm(folder, { recursive: true, force: true, maxRetries: 10 })
})

test('STO-07 goes on with a draft after the browser was killed between its chunks', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tabmesh-browser-'))
  let acknowledged = 0
  for (const killAfter of [3, 20]) {
    const { process: browserProcess, page } = await startBrowser(folder)
    const exited = once(browserProcess, 'exit')
    let seen = 0
    await page.exposeFunction('acknowledged', (bytes: number) => {
      acknowledged = bytes
      seen += 1
      if (seen === killAfter) browserProcess.kill('SIGKILL')
    })
    await page.evaluate(() => window.storagePage.writeDraft('draft')).catch(() => undefined)
    await exited
  }
  const { process: browserProcess, page } = await startBrowser(folder)
  const { receivedBytes, isRight } = await page.evaluate(() => window.storagePage.finishDraft('draft'))
  test.info().annotations.push({ type: 'draft', description: `${receivedBytes} of ${acknowledged} bytes` })
  // What the browser had not yet handed on may be lost; what is there is right.
  expect(receivedBytes).toBeGreaterThan(0)
  expect(isRight).toBe(true)
  const exited = once(browserProcess, 'exit')
  browserProcess.kill('SIGKILL')
  await exited
  await rm(folder, { recursive: true, force: true, maxRetries: 10 })
})

test('STO-07 makes room when the browser gives less than the limit, and says so when it cannot', async ({
  context,
}) => {
  const page = await openPage(context)
  const session = await context.newCDPSession(page)
  const quotaSize = 24 * 2 ** 20
  await session.send('Storage.overrideQuotaForOrigin', { origin: new URL(testOrigin).origin, quotaSize })
  const { kept, last, refusal } = await page.evaluate(() => window.storagePage.fillQuota('quota', 40))
  test.info().annotations.push({ type: 'kept of 40 MiB', description: String(kept) })
  expect(last).toBe(true)
  expect(kept).toBeGreaterThan(3)
  expect(kept).toBeLessThan(40)
  expect(refusal).toMatchObject({ name: 'BlobRefusal', code: 'Full' })
  expect(refusal?.message).toMatch(/^The browser has no room for 1048576 bytes more in tabmesh-blobs\/quota/)
})

/** A browser process of our own, on a profile folder: Playwright does not tell the process id of those it starts. */
async function startBrowser(folder: string): Promise<{ process: ChildProcess; page: Page }> {
  const child = spawn(
    ensureChromium(),
    [
      ...chromiumArgs,
      '--headless=new',
      '--remote-debugging-port=0',
      `--user-data-dir=${folder}`,
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const endpoint = await new Promise<string>((resolve) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      const found = /^DevTools listening on (ws:.*)$/.exec(line)?.[1]
      if (found !== undefined) resolve(found)
    })
  })
  const browser = await chromium.connectOverCDP(endpoint)
  const [context] = browser.contexts()
  if (context === undefined) throw new Error('the browser has no default context')
  return { process: child, page: await openPage(context) }
}
