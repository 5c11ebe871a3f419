import { expect, test } from '@playwright/test'
import { ProcessNetwork } from '../test/support/tabmesh-processes.ts'
import { axeViolations } from './support/axe.ts'
import { RelayProcess } from './support/relay-process.ts'
import { Browsers, type ResultLine, Tab } from './support/tabs.ts'

const browsers = new Browsers()

test.describe.configure({ timeout: 240_000 })
test.afterEach(async () => {
  await browsers.close()
})

/** Some time for each item, so that a reload falls into the job. */
const program = `export default (text) => {
  let spin = 0
  for (let i = 0; i < 200000; i++) spin = (spin * 31 + i) % 1000003
  return [text, spin]
}`
const spun = (() => {
  let spin = 0
  for (let i = 0; i < 200_000; i++) spin = (spin * 31 + i) % 1_000_003
  return spin
})()
const lines = (count: number) => Array.from({ length: count }, (_, n) => `line ${n}`)

/** Each item once, in order, with its answer. */
function expectLines(results: readonly ResultLine[], count: number): void {
  expect(results.map(({ index, output }) => [index, output])).toEqual(
    lines(count).map((line, index) => [index, [line, spun]]),
  )
  expect(new Set(results.map(({ taskId }) => taskId)).size).toBe(count)
}

/** What a first job needs comes soon after the page itself, unasked. */
async function untilFetchedAhead(tab: Tab): Promise<void> {
  await tab.page.waitForFunction(() => {
    const loaded = performance.getEntriesByType('resource').map(({ name }) => name)
    return ['page-jobs', 'job-view'].every((part) => loaded.some((name) => name.includes(part)))
  })
  await untilKept(tab, 'word_count')
}

const untilKept = ({ page }: Tab, program: string) =>
  expect
    .poll(() => page.evaluate(async (name) => (await caches.match(`/programs/${name}.wasm`))?.ok, program))
    .toBe(true)

const untilAway = ({ page }: Tab) => page.waitForFunction(() => window.tabmesh.state()?.relay.isUp === false)

const expectQueued = ({ job }: Tab) =>
  expect(job.getByRole('status', { name: 'Waiting' })).toContainText('queued')

const input = (count: number) => ({ name: 'lines.txt', text: lines(count).join('\n') })

test('TSK-13 WEB-02 a job goes on after its page was loaded anew, twice, and stands in the list of jobs', async () => {
  const network = await ProcessNetwork.start(3)
  try {
    const count = 150
    const tab = await Tab.open(await browsers.launch(), network.url)
    await tab.untilJoined()
    await tab.run(program, input(count))
    for (const _ of ['once', 'twice']) {
      await tab.untilDone(15)
      await tab.page.reload()
      await tab.untilJoined()
    }
    await tab.untilEnded(120_000)
    expectLines(await tab.results(), count)
    expect(JSON.parse(await tab.receipt()).tasks).toHaveLength(count)

    await tab.page.reload()
    await tab.untilJoined()
    await tab.page.getByText('Your jobs', { exact: true }).click()
    const kept = tab.page.getByRole('list', { name: 'Your jobs' }).getByRole('button')
    await expect(kept).toHaveText([/Your program\s+Done\s+export default .*\s+150 items, the first “line 0”/])
    await kept.click()
    await tab.untilEnded(60_000)
    expectLines(await tab.results(), count)
    await expect(kept).toHaveAttribute('aria-pressed', 'true')
    expect(await axeViolations(tab.page)).toEqual([])
  } finally {
    await network.close()
  }
})

test('TSK-14 WEB-06 what is submitted while the relay is away is queued, outlives a reload, and is done when it is back', async () => {
  const network = await ProcessNetwork.start(3)
  try {
    const tab = await Tab.open(await browsers.launch(), network.url)
    await untilFetchedAhead(tab)
    await network.killRelay()
    await untilAway(tab)
    await tab.run(program, input(20))
    await expectQueued(tab)
    await network.startRelay()
    await tab.page.reload()
    await tab.untilEnded(120_000)
    expectLines(await tab.results(), 20)
  } finally {
    await network.close()
  }
})

test('TSK-14 WEB-06 first jobs that are handed in while the relay is away, of either kind, are done when it is back', async () => {
  const network = await ProcessNetwork.start(3)
  try {
    const browser = await browsers.launch()
    const opened = [1, 2].map(() => Tab.open(browser, network.url))
    const [offered, written] = (await Promise.all(opened)) as [Tab, Tab]
    await Promise.all([offered, written].map(untilFetchedAhead))
    // One that is chosen later is fetched as well.
    await offered.page.getByLabel('Ready-made program').selectOption('search')
    await untilKept(offered, 'search')
    await network.killRelay()
    await Promise.all([offered, written].map(untilAway))
    await offered.page.getByLabel('Ready-made program').selectOption('keywords')
    await offered.page.getByRole('button', { name: 'Run' }).click()
    await expect(offered.page.getByRole('main').getByRole('alert')).toContainText(
      'has not fetched the program “Find keywords” yet',
    )
    await offered.page.getByLabel('Ready-made program').selectOption('word_count')
    await offered.page.getByRole('button', { name: 'Run' }).click()
    await written.run(program, input(5))
    await Promise.all([offered, written].map(expectQueued))
    await network.startRelay()
    await Promise.all([offered, written].map((tab) => tab.untilEnded(120_000)))
    expect((await offered.results()).map(({ output }) => output)).toEqual([
      { the: 2, cat: 1, and: 1, dog: 1 },
    ])
    expectLines(await written.results(), 5)
  } finally {
    await network.close()
  }
})

test('TSK-14 tabs whose relay was killed finish the job on their own, and the relay agrees when it is back', async () => {
  const relay = await RelayProcess.start()
  try {
    const browser = await browsers.launch()
    const tabs = [1, 2, 3, 4].map(() => Tab.open(browser, relay.url))
    const [submitter, ...others] = (await Promise.all(tabs)) as [Tab, ...Tab[]]
    const all = [submitter, ...others]
    await Promise.all(all.map((tab) => tab.untilJoined()))
    await Promise.all(all.map((tab) => tab.untilDirect(3)))
    for (const tab of all) await tab.lend()
    await submitter.run(program, input(100))
    await submitter.untilDone(10)
    await relay.kill('SIGKILL')
    expect((await submitter.state()).counters.results).toBeLessThan(100)
    await submitter.untilEnded(150_000)
    expectLines(await submitter.results(), 100)
    await relay.startAgain()
    await Promise.all(all.map((tab) => tab.untilJoined()))
    const open = { pending: 0, assigned: 0, running: 0, pending_verification: 0 }
    await expect.poll(async () => (await relay.status()).tasks, { timeout: 60_000 }).toMatchObject(open)
  } finally {
    await relay.end()
  }
})
