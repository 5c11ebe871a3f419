import { expect, test } from '@playwright/test'
import { attackPrograms } from '../test/runtime/attack-programs.ts'
import type {} from './sandbox-page/main.ts'
import { shareOf } from './support/corpus-share.ts'
import type { SandboxSite } from './support/sandbox-site.ts'
import { openSandboxSite } from './support/sandbox-site.ts'

let site: SandboxSite

test.beforeAll(async () => {
  site = await openSandboxSite()
})

test.afterAll(async () => {
  await site?.close()
})

const seed = '00'.repeat(32)
const adds = { program: 'export default (x) => x + 1', input: 1, seed }
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

test('SBX-03 TSK-07 hostile programs end in the tab under their own names, and ordinary work goes on after each', async ({
  page,
}) => {
  test.setTimeout(400_000)
  await page.goto(site.origin)
  await page.evaluate(() => window.sandboxPage.start(1))
  const wrong: unknown[] = []
  const whole = await attackPrograms()
  const attacks = shareOf(whole, 4)
  for (const { name, program, input, limits, end } of attacks) {
    const run = { program: { base64: base64(program) }, inputBase64: base64(input), limits, seed }
    const result = await page.evaluate((one) => window.sandboxPage.run(one), run)
    const ended = result['error'] ?? (result['reason'] === 'wallClock' ? 'killed' : result['kind'])
    const next = await page.evaluate((one) => window.sandboxPage.run(one), adds)
    if (ended !== end || next['output'] !== '2') wrong.push({ name, end, ended, result, next })
  }
  expect(wrong).toEqual([])
  expect(whole.length).toBeGreaterThan(100)
  expect(attacks.length).toBeGreaterThan(25)
})
