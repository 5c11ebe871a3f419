import { expect, test } from '@playwright/test'
import { conformanceSeed as seed } from '../test/conformance/conformance-case.ts'
import { conformanceCases } from '../test/conformance/conformance-cases.ts'
import { differences, expectedOutcomes } from '../test/conformance/expected-outcomes.ts'
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

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

test('SBX-02 every program ends in the tab as it is on record, on a cold and a warm engine', async ({
  page,
}) => {
  test.setTimeout(300_000)
  await page.goto(site.origin)
  await page.evaluate(() => window.sandboxPage.start(1))
  const cold: Record<string, string> = {}
  const warm: Record<string, string> = {}
  for (const { name, program, input, limits } of await conformanceCases()) {
    const run = { program: { base64: base64(program) }, inputBase64: base64(input), limits, seed }
    const [first, second] = await page.evaluate(
      async (one) => [await window.sandboxPage.outcome(one), await window.sandboxPage.outcome(one)],
      run,
    )
    cold[name] = String(first)
    warm[name] = String(second)
  }
  const expected = expectedOutcomes()
  expect(differences(cold, expected)).toEqual([])
  expect(differences(warm, expected)).toEqual([])
  expect(Object.keys(cold).sort()).toEqual(Object.keys(expected).sort())
})
