import { readFile } from 'node:fs/promises'
import type { Frame, Page, Worker } from '@playwright/test'
import { expect, test } from '@playwright/test'
import { attacks } from './sandbox-page/attack-table.ts'
import { departures } from './sandbox-page/attacks-of-documents.ts'
import type {} from './sandbox-page/main.ts'
import type { AttackReport } from './sandbox-page/sandbox-attack.ts'
import { attackScript } from './sandbox-page/sandbox-attack.ts'
import type { Canary, SandboxSite } from './support/sandbox-site.ts'
import { openCanary, openSandboxSite } from './support/sandbox-site.ts'

let site: SandboxSite
let canary: Canary

test.beforeAll(async () => {
  ;[site, canary] = await Promise.all([openSandboxSite(), openCanary()])
})

test.afterAll(async () => {
  await Promise.all([site?.close(), canary?.close()])
})

test.beforeEach(async ({ page }) => {
  site.requests.length = 0
  canary.requests.length = 0
  canary.datagrams.length = 0
  await page.goto(site.origin)
  await page.evaluate(furnish)
  await page.evaluate(() => window.sandboxPage.start(1))
})

/** Gives the app something to steal, and an ear for what comes back. */
async function furnish(): Promise<void> {
  localStorage.setItem('secret', 'local')
  // biome-ignore lint/suspicious/noDocumentCookie: the very thing that is looked for
  document.cookie = 'secret=cookie'
  await (await caches.open('app')).put('/secret', new Response('cached'))
  await (await navigator.storage.getDirectory()).getFileHandle('secret', { create: true })
  await new Promise((resolve, reject) => {
    const request = indexedDB.open('app')
    request.onsuccess = resolve
    request.onerror = reject
  })
  const heard: unknown[] = []
  Object.assign(window, { heard })
  new BroadcastChannel('app').onmessage = ({ data }) => heard.push(data)
}

const adds = { program: 'export default (x) => x + 1', input: 1, seed: '00'.repeat(32) }
const sandboxPages = ['/sandbox.html', '/sandbox-onnx.html'] as const

/** A frame with this page, made the way the app makes its own. */
async function sandboxFrame(page: Page, path: string): Promise<Frame> {
  if (path !== '/sandbox.html') {
    await page.evaluate(
      (src) =>
        new Promise((resolve) => {
          const frame = document.createElement('iframe')
          frame.setAttribute('sandbox', 'allow-scripts')
          frame.hidden = true
          frame.referrerPolicy = 'no-referrer'
          frame.src = src
          frame.onload = resolve
          document.body.append(frame)
        }),
      path,
    )
  }
  const frame = page.frames().find((candidate) => candidate.url().endsWith(path))
  if (frame === undefined) throw new Error(`the page has no frame with ${path}`)
  return frame
}

const targets = () => ({ canary: canary.origin, app: site.origin, stun: canary.stun })
const script = (list = attacks): string => attackScript(list, targets())
const everyAttack = [...attacks, ...departures]
const workerAttacks = attacks.filter(({ from }) => from === 'anywhere')

/** Whatever did not end as blocked. */
const reached = (report: AttackReport): [string, string][] =>
  Object.entries(report).filter(([, end]) => !end.startsWith('blocked'))

async function expectNothingGotOut(page: Page): Promise<void> {
  expect(canary.requests).toEqual([])
  expect(canary.datagrams).toEqual([])
  expect(site.requests.filter((path) => path.startsWith('/stolen'))).toEqual([])
  expect(await page.evaluate(() => Reflect.get(window, 'heard'))).toEqual([])
  expect(new URL(page.url()).origin).toBe(site.origin)
  expect(await page.evaluate(() => document.cookie)).toBe('secret=cookie')
  expect(await page.evaluate(() => window.name)).toBe('')
  expect(page.context().pages()).toHaveLength(1)
  const run = { ...adds, limits: { maxDurationSeconds: 2 } }
  await expect
    .poll(() => page.evaluate((one) => window.sandboxPage.run(one), run))
    .toMatchObject({ output: '2' })
}

/** Runs text in a blob worker of this frame, in one of that worker if asked, and gives what it posts. */
function inBlobWorker(frame: Frame, text: string, depth: 1 | 2): Promise<AttackReport> {
  const inner = `onmessage = async () => postMessage(await ${text})`
  const outer = `onmessage = () => {
    const worker = new Worker(URL.createObjectURL(new Blob([${JSON.stringify(inner)}], { type: 'text/javascript' })))
    worker.onmessage = (event) => postMessage(event.data)
    worker.onerror = (event) => { throw new Error(event.message) }
    worker.postMessage(0)
  }`
  return frame.evaluate(
    (source) =>
      new Promise<AttackReport>((resolve, reject) => {
        const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })))
        worker.onerror = (event) => reject(new Error(event.message))
        worker.onmessage = ({ data }) => resolve(data)
        worker.postMessage(0)
      }),
    depth === 1 ? inner : outer,
  )
}

test('the probe is sharp: on a page without walls the server hears of every attack, but for those said to be dull', async ({
  page,
}) => {
  await page.goto(canary.origin)
  const here = { canary: canary.origin, app: canary.origin, stun: canary.stun }
  // Of the page's own origin, so that workers and documents that must be of it are met as well.
  const document = (await page.evaluate(attackScript(everyAttack, here))) as AttackReport
  const frame = page.mainFrame()
  const worker = await inBlobWorker(frame, attackScript(workerAttacks, here), 1)
  const heard = (path: string): boolean =>
    canary.requests.some((line) => line.split(' ')[1]?.startsWith(`/${path.replace(/\?.*/, '')}`))
  const unheard = everyAttack.filter(
    ({ path, dull }) => path !== undefined && dull === undefined && !heard(path),
  )
  expect(unheard.map(({ name }) => name)).toEqual([])
  expect(canary.datagrams).not.toEqual([])
  const open = Object.fromEntries([...reached(worker), ...reached(document)])
  for (const name of ['indexedDB', 'caches', 'locks', 'cookie', 'eval', 'private file system'])
    expect(open).toHaveProperty([name])
})

/** The debugger that asks lifts the rule about these; the workers below are asked without it. */
const lifted: ReadonlySet<string> = new Set(['eval', 'Function', 'text for a timer'])

async function expectShutIn(worker: Worker | undefined): Promise<void> {
  const asked = workerAttacks.filter(({ name }) => !lifted.has(name))
  const report = (await worker?.evaluate(script(asked))) as AttackReport
  expect(Object.keys(report).length).toBeGreaterThan(asked.length)
  expect(reached(report)).toEqual([])
}

test('SBX-01 TSK-07 the worker that runs programs reaches nothing', async ({ page }) => {
  await expectShutIn(page.workers()[0])
  await expectNothingGotOut(page)
})

test('SBX-01 SBX-04 the worker that runs models reaches nothing', async ({ page }) => {
  const model = await readFile(new URL('../programs/onnx/penguins.onnx', import.meta.url))
  const run = {
    program: { base64: model.toString('base64') },
    input: [[39.1, 18.7, 181, 3750]],
    seed: adds.seed,
  }
  expect(await page.evaluate((one) => window.sandboxPage.run(one), run)).toMatchObject({ kind: 'ok' })
  expect(page.frames().some((frame) => frame.url().endsWith('/sandbox-onnx.html'))).toBe(true)
  await expectShutIn(page.workers().at(-1))
  expect(await page.evaluate((one) => window.sandboxPage.run(one), run)).toMatchObject({ kind: 'ok' })
  await expectNothingGotOut(page)
})

for (const path of sandboxPages) {
  test(`SBX-01 ${path}: a worker with nothing taken away from it reaches nothing`, async ({ page }) => {
    const report = await inBlobWorker(await sandboxFrame(page, path), script(workerAttacks), 1)
    expect(Object.keys(report).length).toBeGreaterThan(workerAttacks.length)
    expect(reached(report)).toEqual([])
    await expectNothingGotOut(page)
  })

  test(`SBX-01 ${path}: a worker of that worker inherits the walls`, async ({ page }) => {
    const report = await inBlobWorker(await sandboxFrame(page, path), script(workerAttacks), 2)
    expect(reached(report)).toEqual([])
    await expectNothingGotOut(page)
  })

  test(`SBX-01 ${path}: the frame itself reaches nothing`, async ({ page }) => {
    const frame = await sandboxFrame(page, path)
    const asked = attacks.filter(({ name }) => !lifted.has(name))
    const report = (await frame.evaluate(script(asked))) as AttackReport
    expect(Object.keys(report).length).toBeGreaterThan(asked.length)
    expect(reached(report)).toEqual([])
    await expectNothingGotOut(page)
  })
}

for (const departure of departures) {
  for (const where of ['canary', 'app'] as const) {
    test(`SBX-01 a frame that leaves by ${departure.name} for the ${where} gets nowhere, and the next run goes ahead`, async ({
      page,
    }) => {
      const frame = await sandboxFrame(page, '/sandbox.html')
      const url = where === 'canary' ? canary.origin : `${site.origin}/stolen`
      await frame.evaluate(attackScript([departure], { ...targets(), canary: url, app: url })).catch(() => {})
      await expectNothingGotOut(page)
    })
  }
}

test('SBX-01 the program itself sees no interface of the browser', async ({ page }) => {
  const names = [
    'fetch',
    'self',
    'window',
    'document',
    'navigator',
    'postMessage',
    'indexedDB',
    'caches',
    'process',
    'require',
  ]
  const program = `export default (names) => names.filter((name) => name in globalThis)`
  const result = await page.evaluate((run) => window.sandboxPage.run(run), { ...adds, program, input: names })
  expect(result).toMatchObject({ kind: 'ok', output: '[]' })
})

for (const path of sandboxPages) {
  test(`SBX-01 ${path} by itself has an opaque origin and does nothing`, async ({ page }) => {
    await page.goto(`${site.origin}${path}`)
    expect(await page.evaluate(() => self.origin)).toBe('null')
    expect(page.workers()).toEqual([])
  })

  test(`SBX-01 ${path} cannot be framed by a page of another site`, async ({ page }) => {
    await page.goto(canary.origin)
    await page.setContent(`<iframe sandbox="allow-scripts" src="${site.origin}${path}"></iframe>`)
    await expect
      .poll(() => page.frames().map((frame) => frame.url()))
      .toContain('chrome-error://chromewebdata/')
  })
}
