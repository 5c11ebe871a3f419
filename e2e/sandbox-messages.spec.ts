import type { Page } from '@playwright/test'
import { expect, test } from '@playwright/test'
import type {} from './sandbox-page/main.ts'
import type { SandboxSite } from './support/sandbox-site.ts'
import { openSandboxSite } from './support/sandbox-site.ts'

/*
 * Sandboxes that are not ours any more: everything in them was taken over, and all that is left is what they may say to
 * the app.
 */

let site: SandboxSite

test.beforeAll(async () => {
  site = await openSandboxSite()
})

test.afterAll(async () => {
  await site?.close()
})

const seed = '00'.repeat(32)
const adds = { program: 'export default (x) => x + 1', input: 1, seed }

/** Serves a sandbox page that does `onStart` once it has its ports, and `onRun` for each run it is asked for. */
async function openHostile(page: Page, onRun: string, onStart = `port.postMessage({ kind: 'ready' })`) {
  await page.route('**/hostile.html', (route) =>
    route.fulfill({
      contentType: 'text/html',
      headers: {
        'content-security-policy': "default-src 'none'; script-src 'unsafe-inline'; worker-src blob:",
      },
      body: `<!doctype html><script>
        const ok = (id, text) => ({ kind: 'results', id, results: [{ kind: 'ok', output: new TextEncoder().encode(text), fuelUsed: 1 }] })
        onmessage = ({ data }) => {
          const port = data.worker
          const frame = data.frame
          port.onmessage = async ({ data: { id } }) => { ${onRun} }
          ${onStart}
        }
      </script>`,
    }),
  )
  await page.goto(site.origin)
  await page.evaluate(() => window.sandboxPage.start(1, '/hostile.html'))
}

const run = (page: Page, limits = { maxDurationSeconds: 1 }) =>
  page.evaluate((one) => window.sandboxPage.run(one), { ...adds, limits })

/** A reply, and the only thing that may come of it. */
const replies: readonly (readonly [name: string, post: string, end: Record<string, unknown>])[] = [
  ['the id of no run', 'port.postMessage(ok(id + 1, "9"))', { reason: 'wallClock' }],
  ['the id of the run before', 'port.postMessage(ok(id - 1, "9"))', { reason: 'wallClock' }],
  ['an id as text', 'port.postMessage(ok(String(id), "9"))', { reason: 'wallClock' }],
  ['an id that is not a number', 'port.postMessage(ok(NaN, "9"))', { reason: 'wallClock' }],
  [
    'wrong ids and then its own',
    'for (let i = -3; i < 3; i++) port.postMessage(ok(id + i, String(i)))',
    { output: '0' },
  ],
  ['its own twice', 'port.postMessage(ok(id, "1")); port.postMessage(ok(id, "2"))', { output: '1' }],
  [
    'ready again and again',
    'for (let i = 0; i < 3; i++) port.postMessage({ kind: "ready" }); port.postMessage(ok(id, "3"))',
    { output: '3' },
  ],
  [
    'an own property named __proto__',
    `const o = ok(id, "4"); Object.defineProperty(o.results[0], '__proto__', { value: { polluted: 1 }, enumerable: true }); port.postMessage(o)`,
    { output: '4' },
  ],
  [
    'properties that the app never asked for',
    `const o = ok(id, "5"); Object.assign(o.results[0], { constructor: 1, toString: 2, then: 3, reason: 'cancelled', error: 'fuel', message: 'x' }); port.postMessage(o)`,
    { kind: 'ok', output: '5' },
  ],
  [
    'a map for a result',
    'port.postMessage({ kind: "results", id, results: [new Map(Object.entries(ok(id, "6").results[0]))] })',
    { reason: 'wallClock' },
  ],
  [
    'more results than were asked for',
    'const { results: [one] } = ok(id, "6"); port.postMessage({ kind: "results", id, results: [one, one] })',
    { reason: 'wallClock' },
  ],
  [
    'a list of no results, or none that is a list',
    'for (const results of [[], {}, { length: 1, 0: ok(id, "6").results[0] }, "1", new Uint8Array(1)]) port.postMessage({ kind: "results", id, results })',
    { reason: 'wallClock' },
  ],
  [
    'an error for a result',
    'port.postMessage({ kind: "results", id, results: [Object.assign(new Error("x"), { kind: "ok" })] })',
    { reason: 'wallClock' },
  ],
  [
    'a date, a pattern, a blob, a port',
    'for (const data of [new Date(), /x/, new Blob(["x"]), null, undefined, 1n, [], "result"]) port.postMessage(data); port.postMessage(new MessageChannel().port1, [])',
    { reason: 'wallClock' },
  ],
  [
    'an output that is no bytes',
    'port.postMessage({ kind: "results", id, results: [{ kind: "ok", output: [1, 2], fuelUsed: 1 }] })',
    { reason: 'wallClock' },
  ],
  [
    'an output of another element',
    'port.postMessage({ kind: "results", id, results: [{ kind: "ok", output: new Uint16Array(2), fuelUsed: 1 }] })',
    { reason: 'wallClock' },
  ],
  [
    'an output over its limit',
    'port.postMessage({ kind: "results", id, results: [{ kind: "ok", output: new Uint8Array(2 ** 27), fuelUsed: 1 }] })',
    { reason: 'wallClock' },
  ],
  [
    'fuel below nothing',
    'const o = ok(id, "7"); o.results[0].fuelUsed = -1; port.postMessage(o)',
    { reason: 'wallClock' },
  ],
  [
    'a kind of error that is none',
    'port.postMessage({ kind: "results", id, results: [{ kind: "error", error: "__proto__", message: "x", fuelUsed: 1 }] })',
    { reason: 'wallClock' },
  ],
  [
    'a message that is an object',
    'port.postMessage({ kind: "results", id, results: [{ kind: "error", error: "thrown", message: { toString: 1 }, fuelUsed: 1 }] })',
    { reason: 'wallClock' },
  ],
  [
    'a message of 100 MB',
    'port.postMessage({ kind: "results", id, results: [{ kind: "error", error: "thrown", message: "x".repeat(1e8), fuelUsed: 1 }] })',
    { reason: 'wallClock' },
  ],
  [
    "a verdict that is the pool's to give",
    'port.postMessage({ kind: "results", id, results: [{ kind: "none", reason: "cancelled", message: "x" }] })',
    { reason: 'wallClock' },
  ],
  [
    'memory that it could write to afterwards',
    'const { buffer } = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }); port.postMessage({ kind: "results", id, results: [{ kind: "ok", output: new Uint8Array(buffer), fuelUsed: 1 }] })',
    { kind: 'none' },
  ],
]

for (const [name, post, end] of replies) {
  test(`SBX-01 a reply with ${name}`, async ({ page }) => {
    await openHostile(page, post)
    // What is no reply is waited for until the clock ends the run; what is one may take its time.
    const maxDurationSeconds = end['reason'] === 'wallClock' || end['kind'] === 'none' ? 0.3 : 60
    expect(await run(page, { maxDurationSeconds })).toMatchObject(end)
    expect(await page.evaluate(() => Reflect.get({}, 'polluted'))).toBeUndefined()
    expect(await page.evaluate(() => Object.keys(Object.prototype))).toEqual([])
  })
}

test('SBX-01 an output that is a window into a large buffer keeps nothing of the rest', async ({ page }) => {
  await openHostile(
    page,
    'const bytes = new Uint8Array(1e8); bytes[5] = 57; port.postMessage({ kind: "results", id, results: [{ kind: "ok", output: bytes.subarray(5, 6), fuelUsed: 1 }] })',
  )
  expect(await page.evaluate((one) => window.sandboxPage.outputBufferBytes(one), adds)).toBe(1)
})

test('SBX-01 a sandbox that is ready and never answers is killed by the clock, and so is the next one', async ({
  page,
}) => {
  await openHostile(page, '')
  for (let i = 0; i < 2; i++) expect(await run(page)).toMatchObject({ kind: 'none', reason: 'wallClock' })
  await expect(page.locator('iframe'), 'none is left but the next one').toHaveCount(1)
})

test('SBX-01 a sandbox that is never ready ends as one that did not start', async ({ page }) => {
  await page.clock.install()
  const opening = openHostile(page, '', '').then(
    () => 'started',
    (error: Error) => error.message,
  )
  await expect(page.locator('iframe')).toHaveCount(1)
  await page.clock.runFor(21_000)
  expect(await opening).toContain('A sandbox for programs did not start: not ready after 20 s')
  expect(await page.locator('iframe').count()).toBe(0)
})

test('SBX-01 what a frame says of its failure is cut short', async ({ page }) => {
  const failure = openHostile(page, '', 'frame.postMessage("x".repeat(1e6))')
  await expect(failure).rejects.toThrow(/did not start: x{200}\n/)
})

interface Felt {
  readonly end: Record<string, unknown>
  readonly longestMs: number
  readonly frames: number
}

/**
 * Runs while something floods the app, and says what the app's thread felt of it. Nothing here is to end by the clock,
 * however slow the machine.
 */
async function flooded(page: Page): Promise<Felt> {
  return page.evaluate(
    async (one) => {
      let longestMs = 0
      let last = performance.now()
      const feel = (): void => {
        longestMs = Math.max(longestMs, performance.now() - last)
        last = performance.now()
      }
      const timer = setInterval(feel, 5)
      const end = await window.sandboxPage.run(one)
      // What is still under way comes first.
      for (let i = 0; i < 100; i++) await new Promise((resolve) => setTimeout(resolve, 10))
      feel()
      clearInterval(timer)
      return { end, longestMs, frames: document.querySelectorAll('iframe').length }
    },
    { ...adds, limits: { maxDurationSeconds: 60 } },
  )
}

/** The longest pause of a page that reads what the same frame posts and does nothing with it: what the browser takes. */
async function pauseWithoutUs(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const [worker, failures] = [new MessageChannel(), new MessageChannel()]
    const frame = document.createElement('iframe')
    frame.setAttribute('sandbox', 'allow-scripts')
    frame.hidden = true
    frame.src = '/hostile.html'
    const done = new Promise<void>((resolve) => {
      worker.port1.onmessage = ({ data }) => {
        if (data?.kind === 'ready') worker.port1.postMessage({ id: 1 })
        else if (data?.kind === 'results') resolve()
      }
    })
    await new Promise((resolve) => {
      frame.onload = resolve
      document.body.append(frame)
    })
    let longestMs = 0
    let last = performance.now()
    const feel = (): void => {
      longestMs = Math.max(longestMs, performance.now() - last)
      last = performance.now()
    }
    const timer = setInterval(feel, 5)
    const ports = { frame: failures.port2, worker: worker.port2 }
    frame.contentWindow!.postMessage(ports, '*', [failures.port2, worker.port2])
    await done
    await new Promise((resolve) => setTimeout(resolve, 100))
    feel()
    clearInterval(timer)
    frame.remove()
    return longestMs
  })
}

const worker = (source: string): string =>
  `const worker = new Worker(URL.createObjectURL(new Blob([${JSON.stringify(`onmessage = ({ ports: [port] }) => { ${source} }`)}]))); worker.postMessage(0, [port])`

/** The port goes into the stranger's worker, so that the flood comes from a thread of its own, as a program's would. */
const floods: readonly (readonly [name: string, onRun: string])[] = [
  ['a million messages', worker('for (let i = 0; i < 1e6; i++) port.postMessage(i)')],
  [
    'a million forged results',
    worker(
      'for (let id = 0; id < 1e6; id++) port.postMessage({ kind: "results", id: -id, results: [{ kind: "none", reason: "host", message: "x" }] })',
    ),
  ],
  ['a million times ready', worker('for (let i = 0; i < 1e6; i++) port.postMessage({ kind: "ready" })')],
  ['messages without end', worker('for (;;) port.postMessage("x".repeat(1000))')],
  // The browser sends none of these before the loop is at its end, so that a longer one would only be waited for.
  ['a hundred thousand messages to the window', 'for (let i = 0; i < 1e5; i++) parent.postMessage(i, "*")'],
  ['a million messages over the port for failures', 'for (let i = 0; i < 1e6; i++) frame.postMessage(i)'],
]

for (const [name, onRun] of floods) {
  test(`SBX-01 TSK-07 ${name}: the frame is given up and the app stays responsive`, async ({ page }) => {
    await openHostile(page, onRun)
    const { end, longestMs, frames } = await flooded(page)
    console.log(`longest pause of the app's thread under ${name}: ${longestMs.toFixed(0)} ms`)
    expect(end).toMatchObject({ kind: 'none', reason: 'host' })
    expect(longestMs).toBeLessThan(600)
    expect(frames).toBe(0)
    await expect(page.locator('iframe'), 'the next one, though nobody asked').toHaveCount(1)
  })
}

/** One message each. To read it takes the browser its time on the app's thread; the app is to add next to none. */
const giants: readonly (readonly [name: string, data: string])[] = [
  ['100 MB of bytes', 'new Uint8Array(1e8)'],
  ['a text of 100 MB', '"x".repeat(1e8)'],
  ['a million objects', 'Array.from({ length: 1e6 }, (_, i) => ({ i }))'],
  ['nesting of 1,000', 'let a = []; for (let i = 0; i < 1e3; i++) a = [a]; a'],
  ['ten thousand ports', 'Array.from({ length: 1e4 }, () => new MessageChannel().port1)'],
]

for (const [name, data] of giants) {
  test(`SBX-01 a message of ${name} is dropped, and the app goes on`, async ({ page }) => {
    const value = data.includes(';') ? `(() => { ${data.replace(/; a$/, '; return a')} })()` : data
    const transfer = name.includes('ports') ? 'data' : '[]'
    await openHostile(
      page,
      `const data = ${value}; port.postMessage(data, ${transfer}); port.postMessage(ok(id, "8"))`,
    )
    const { end, longestMs } = await flooded(page)
    const withoutUs = await pauseWithoutUs(page)
    const words = `${longestMs.toFixed(0)} ms, of a page that only reads it ${withoutUs.toFixed(0)} ms`
    console.log(`longest pause of the app's thread for ${name}: ${words}`)
    expect(end).toMatchObject({ output: '8' })
    expect(longestMs).toBeLessThan(3 * withoutUs + 500)
  })
}
