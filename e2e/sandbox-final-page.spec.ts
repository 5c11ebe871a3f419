import type { Frame } from '@playwright/test'
import { expect, test } from '@playwright/test'
import { attacks } from './sandbox-page/attack-table.ts'
import type { AttackReport } from './sandbox-page/sandbox-attack.ts'
import { attackScript } from './sandbox-page/sandbox-attack.ts'
import { RelayProcess } from './support/relay-process.ts'
import { type Canary, openCanary } from './support/sandbox-site.ts'
import { Browsers, Tab } from './support/tabs.ts'

/* The attack suite once more, in the page that visitors get, from a relay as it is run. */

const browsers = new Browsers()
let relay: RelayProcess
let canary: Canary

test.beforeAll(async () => {
  ;[relay, canary] = await Promise.all([RelayProcess.start(), openCanary()])
})

test.afterAll(async () => {
  await browsers.end()
  await Promise.all([relay?.end(), canary?.close()])
})

/** The debugger that asks lifts the rule about these. */
const lifted: ReadonlySet<string> = new Set(['eval', 'Function', 'text for a timer'])

test('SBX-01 in the page of a relay, a frame and its worker reach nothing, and the tab stays in the network', async () => {
  const tab = await Tab.open(await browsers.launch(), relay.url)
  await tab.untilJoined()
  await tab.lend()
  const { page } = tab
  const answered: string[] = []
  page.context().on('response', (response) => answered.push(response.url()))
  const isSandbox = (frame: Frame): boolean => frame.url().endsWith('/sandbox.html')
  await expect.poll(() => page.frames().some(isSandbox)).toBe(true)
  await expect.poll(() => page.workers().length).toBeGreaterThan(0)
  const targets = { canary: canary.origin, app: new URL(relay.url).origin, stun: canary.stun }
  const asked = attacks.filter(({ name }) => !lifted.has(name))
  const frame = page.frames().find(isSandbox)
  const worker = page.workers().find((one) => one.url().startsWith('blob:null'))
  const reports = {
    frame: (await frame?.evaluate(attackScript(asked, targets))) as AttackReport,
    worker: (await worker?.evaluate(
      attackScript(
        asked.filter(({ from }) => from === 'anywhere'),
        targets,
      ),
    )) as AttackReport,
  }
  expect(Object.keys(reports.frame).length).toBeGreaterThan(150)
  expect(Object.keys(reports.worker).length).toBeGreaterThan(50)
  for (const report of Object.values(reports)) {
    expect(Object.entries(report).filter(([, end]) => !end.startsWith('blocked'))).toEqual([])
  }
  expect(canary.requests).toEqual([])
  expect(canary.datagrams).toEqual([])
  expect(answered.filter((url) => url.includes('/stolen'))).toEqual([])
  expect(new URL(page.url()).origin).toBe(targets.app)
  expect((await tab.state()).contribution.status).toBe('lending')
})
