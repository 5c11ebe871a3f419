import { readFile } from 'node:fs/promises'
import type { Page } from '@playwright/test'
import { expect, test } from '@playwright/test'
import { digest, type OnnxCase, onnxCorpus } from '../test/runtime/onnx/corpus.ts'
import { onnxDigests } from '../test/runtime/onnx/corpus-digests.ts'
import type {} from './sandbox-page/main.ts'
import { shareOf } from './support/corpus-share.ts'
import type { SandboxSite } from './support/sandbox-site.ts'
import { openSandboxSite } from './support/sandbox-site.ts'

const seed = '00'.repeat(32)
let site: SandboxSite

test.beforeAll(async () => {
  site = await openSandboxSite()
})

test.afterAll(async () => {
  await site?.close()
})

async function openPage(page: Page): Promise<void> {
  await page.goto(site.origin)
  await page.evaluate(() => window.sandboxPage.start(1))
}

async function runInTab(page: Page, { program, input, limits = {} }: OnnxCase): Promise<string> {
  const { kind, error, output, fuelUsed } = await page.evaluate((run) => window.sandboxPage.run(run), {
    program: { base64: Buffer.from(program).toString('base64') },
    input,
    limits,
    seed,
  })
  return digest({
    kind: String(kind),
    fuelUsed: Number(fuelUsed),
    ...(typeof error === 'string' ? { error } : {}),
    ...(typeof output === 'string' ? { output: new TextEncoder().encode(output) } : {}),
  })
}

/** The page is handed JSON. */
const whole = onnxCorpus.filter(({ input }) => !(input instanceof Uint8Array))
const cases = shareOf(whole, 6)

/** That Node's are those on record, of every model, is for test/runtime/onnx/onnx-corpus.test.ts to show. */
test('SBX-04 the models give the same bytes in the tab and on Node, cold and warm', async ({ page }) => {
  test.setTimeout(300_000)
  await openPage(page)
  const differing: unknown[] = []
  for (const one of cases) {
    const [cold, warm] = [await runInTab(page, one), await runInTab(page, one)]
    const recorded = onnxDigests[one.name]
    if (cold !== recorded || warm !== recorded) differing.push({ name: one.name, recorded, cold, warm })
  }
  expect(differing).toEqual([])
  expect(whole.length).toBeGreaterThan(60)
  expect(cases.length).toBeGreaterThan(9)
})

test('TSK-02 the penguins model names species in the tab, and the engine is fetched for it only', async ({
  page,
}) => {
  await openPage(page)
  const engineRequests = (): number => site.requests.filter((path) => /\/onnx-[^/]*\.wasm$/.test(path)).length
  const before = engineRequests()
  await page.evaluate((run) => window.sandboxPage.run(run), {
    program: 'export default (x) => x + 1',
    input: 1,
    seed,
  })
  expect(engineRequests()).toBe(before)
  const program = await readFile(new URL('../programs/onnx/penguins.onnx', import.meta.url))
  const run = { program: { base64: program.toString('base64') }, input: [[39.1, 18.7, 181, 3750]], seed }
  const start = performance.now()
  const result = await page.evaluate((one) => window.sandboxPage.run(one), run)
  const cold = performance.now() - start
  expect(engineRequests()).toBe(before + 1)
  expect(JSON.parse(String(result['output']))).toMatchObject({
    species: { data: ['Adelie'] },
    class: { data: [0] },
  })
  await page.evaluate((one) => window.sandboxPage.time(one, 50), run)
  const times = (await page.evaluate((one) => window.sandboxPage.time(one, 200), run)).sort((a, b) => a - b)
  const p50 = times[100]!
  test.info().annotations.push({ type: 'overhead', description: `cold ${cold} ms, warm p50 ${p50} ms` })
  console.log(
    `penguins in Chromium: cold ${cold.toFixed(0)} ms, warm p50 ${p50.toFixed(2)}, p95 ${times[190]?.toFixed(2)} ms`,
  )
  expect(p50).toBeLessThan(50)
})
