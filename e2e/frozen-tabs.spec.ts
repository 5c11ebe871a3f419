import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { ProcessNetwork } from '../test/support/tabmesh-processes.ts'
import { PlainBrowser } from './support/devtools.ts'
import { PlainTab } from './support/plain-tab.ts'
import type { RelayStatus } from './support/relay-process.ts'

/** Spins for some seconds. */
const program =
  'export default (line) => { let n = 0; for (let i = 0; i < 3e7; i++) n += i % 7; return line + n }'

let network: ProcessNetwork
let browser: PlainBrowser

test.beforeAll(async () => {
  network = await ProcessNetwork.start(3)
  browser = await PlainBrowser.launch()
})

test.afterAll(async () => {
  await browser?.close()
  await network?.close()
})

async function workers(): Promise<number> {
  const response = await fetch(new URL('/api/v1/status', network.url))
  return ((await response.json()) as RelayStatus).workers.count
}

test('TSK-06 WEB-01 a tab that the browser freezes in the midst of work loses it to others at once, and comes back', async () => {
  const tab = await PlainTab.openLender(browser, network.url)
  await expect.poll(workers).toBe(4)
  const files = { program: join(network.data, 'spin.js'), input: join(network.data, 'lines.txt') }
  await writeFile(files.program, program)
  await writeFile(files.input, 'line\n'.repeat(3))
  const job = network.submit(
    ...[
      '--type',
      'javascript',
      '--program',
      files.program,
      '--input',
      files.input,
      '--map',
      'lines',
      '--json',
    ],
  )
  await tab.until(({ runs }) => runs.length > 0)

  await browser.open('about:blank')
  await tab.page.setLifecycle('frozen')
  // Its links ended when it was told: nobody waits for a lease to run out.
  await expect.poll(workers, { timeout: 8_000 }).toBe(3)
  const { code, stderr } = await job.ended
  expect(code, stderr).toBe(0)

  await tab.page.setLifecycle('active')
  await tab.untilLending()
  await expect.poll(workers).toBe(4)
})
