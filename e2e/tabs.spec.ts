import { createHash } from 'node:crypto'
import { expect, test } from '@playwright/test'
import { verifyReceipt } from '../shared/client/verify-receipt.ts'
import { chooseEngine, createVerify } from '../shared/host/create-crypto-port.ts'
import type { Receipt } from '../shared/task/receipt.ts'
import { makeLiar } from './support/lying-sandbox.ts'
import { RelayProcess } from './support/relay-process.ts'
import { Browsers, type ResultLine, Tab } from './support/tabs.ts'
import { weatherAnswers, weatherCsv, weatherProgram } from './support/weather-job.ts'

const browsers = new Browsers()
let relay: RelayProcess

test.beforeEach(async () => {
  test.setTimeout(180_000)
  relay = await RelayProcess.start()
})

test.afterEach(async () => {
  await browsers.close()
  await relay.end()
})

test.afterAll(() => browsers.end())

/** Tabs in as many browser contexts, over two browser processes, all joined and directly connected to one another. */
async function openMesh(count: number, liars = 0): Promise<{ tabs: Tab[]; peers: string[] }> {
  const [first, second] = [await browsers.launch(), await browsers.launch()]
  const tabs: Tab[] = []
  for (let n = 0; n < count; n++) {
    tabs.push(
      await Tab.open(n % 2 === 0 ? first : second, relay.url, n >= count - liars ? makeLiar : undefined),
    )
  }
  const peers = await Promise.all(tabs.map((tab) => tab.untilJoined()))
  await Promise.all(tabs.map((tab) => tab.untilDirect(count - 1)))
  return { tabs, peers }
}

/** Every item once, in order, with the answer that was computed here. */
function expectAnswers(results: readonly ResultLine[], csv: string): void {
  expect(results.map(({ index }) => index)).toEqual(results.map((_, at) => at))
  expect(new Set(results.map(({ taskId }) => taskId)).size).toBe(results.length)
  expect(results.map(({ output }) => output)).toEqual(weatherAnswers(csv))
}

/** What the relay counts, in the status that it renews every few seconds. */
async function expectTasks(completed: number): Promise<void> {
  await expect
    .poll(async () => (await relay.status()).tasks)
    .toMatchObject({ completed, failed: 0, pending: 0, assigned: 0, running: 0 })
}

async function verdictHere(text: string) {
  const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()
  const verify = createVerify(await chooseEngine())
  return await verifyReceipt(JSON.parse(text), { crypto: { verify, sha256 } })
}

test('NET-08 TSK-09 TSK-11 TSK-13 four tabs of two browsers meet directly, map a file and give receipts', async () => {
  const { tabs, peers } = await openMesh(4)
  for (const [at, tab] of tabs.entries()) {
    const others = (await tab.state()).members.filter(({ kind }) => kind === 'tab')
    expect(others.map(({ peer }) => peer).sort()).toEqual(peers.filter((_, other) => other !== at).sort())
    expect(others.every(({ direct }) => direct)).toBe(true)
  }
  for (const tab of tabs) await tab.lend()
  const csv = weatherCsv(240)
  const [submitter] = tabs as [Tab]
  await submitter.run(weatherProgram, { name: 'seattle-weather.csv', text: csv })
  await submitter.untilEnded(120_000)
  expectAnswers(await submitter.results(), csv)
  await expect(submitter.job.getByRole('status', { name: 'Progress' })).toContainText(
    '240 of 240 done · 240 verified',
  )
  test.info().annotations.push({
    type: '240 items, 4 tabs',
    description: await submitter.job.getByRole('status', { name: 'Progress' }).innerText(),
  })
  const receipt = await submitter.receipt()
  const verdict = await verdictHere(receipt)
  expect(verdict).toMatchObject({ valid: true, tasks: 240, workers: 4 })
  expect(await submitter.verdictOn(receipt)).toMatch(/^valid: 240 tasks, 4 workers/)
  await expectTamperingShows(submitter, receipt)
})

/** The page and the library refuse a receipt in which anything was changed. */
async function expectTamperingShows(tab: Tab, receipt: string): Promise<void> {
  const tampered: Readonly<Record<string, (receipt: Receipt) => unknown>> = {
    'another output': ({ tasks, ...rest }) => ({
      ...rest,
      tasks: tasks.map((task, at) =>
        at === 7 ? { ...task, outcome: { kind: 'ok', outputHash: '00'.repeat(32) } } : task,
      ),
    }),
    'a vote too few': ({ tasks, ...rest }) => ({
      ...rest,
      tasks: tasks.map((task, at) => (at === 3 ? { ...task, votes: task.votes.slice(1) } : task)),
    }),
    'another input': ({ tasks, ...rest }) => ({
      ...rest,
      tasks: tasks.map((task, at) =>
        at === 239 ? { ...task, task: { ...task.task, inputHash: tasks[0]!.task.inputHash } } : task,
      ),
    }),
    'another network': (whole) => ({ ...whole, networkId: 'ab'.repeat(32) }),
  }
  for (const [how, change] of Object.entries(tampered)) {
    const text = JSON.stringify(change(JSON.parse(receipt) as Receipt))
    expect((await verdictHere(text)).valid, how).toBe(false)
    await expect.poll(() => tab.verdictOn(text), how).toMatch(/^invalid: /)
  }
}

test('TSK-10 a tab that lies about every result is outvoted and named', async () => {
  const { tabs, peers } = await openMesh(4, 1)
  for (const tab of tabs) await tab.lend()
  const csv = weatherCsv(200)
  const [submitter] = tabs as [Tab]
  await submitter.run(weatherProgram, { name: 'seattle-weather.csv', text: csv })
  await submitter.untilEnded(120_000)
  expectAnswers(await submitter.results(), csv)
  const liar = peers.at(-1)!
  await expect.poll(async () => Object.keys((await relay.status()).disagreements)).toEqual([liar])
  const receipt = JSON.parse(await submitter.receipt()) as Receipt
  const voters = new Set(receipt.tasks.flatMap(({ votes }) => votes.map(({ peerId }): string => peerId)))
  expect(voters.has(liar)).toBe(false)
})

test('TSK-06 work of a tab that is closed mid-job goes to others', async () => {
  const { tabs } = await openMesh(4)
  for (const tab of tabs) await tab.lend()
  const csv = weatherCsv(200)
  const [submitter, , , leaver] = tabs as [Tab, Tab, Tab, Tab]
  await submitter.run(weatherProgram, { name: 'seattle-weather.csv', text: csv })
  await submitter.untilDone(20)
  await leaver.page.close()
  expect((await submitter.state()).counters.results).toBeLessThan(200)
  await submitter.untilEnded(120_000)
  expectAnswers(await submitter.results(), csv)
  await expectTasks(200)
})

test('TSK-14 NET-08 tabs outlive a relay that is killed, and the job ends when it is back', async () => {
  const { tabs } = await openMesh(4)
  for (const tab of tabs) await tab.lend()
  const csv = weatherCsv(240)
  const [submitter] = tabs as [Tab]
  await submitter.run(weatherProgram, { name: 'seattle-weather.csv', text: csv })
  await submitter.untilDone(30)
  await relay.kill('SIGKILL')
  await expect(submitter.page.getByRole('status', { name: 'Connection' })).toHaveText(
    'Relay away, still connected to 3 tabs',
  )
  await expect(submitter.job.getByRole('status', { name: 'Waiting' })).toContainText('The relay is away')
  const before = await Promise.all(tabs.map((tab) => tab.state()))
  expect(before[0]!.counters.results).toBeLessThan(240)
  // Heartbeats pass between the tabs with no relay to carry them.
  await Promise.all(
    tabs.map(async (tab, at) => {
      await expect
        .poll(async () => (await tab.state()).counters.messagesReceived, { timeout: 40_000 })
        .toBeGreaterThan(before[at]!.counters.messagesReceived)
      expect((await tab.state()).members.filter(({ direct }) => direct)).toHaveLength(3)
    }),
  )
  await relay.startAgain()
  await Promise.all(tabs.map((tab) => tab.untilJoined()))
  await submitter.untilEnded(120_000)
  expectAnswers(await submitter.results(), csv)
  expect(await verdictHere(await submitter.receipt())).toMatchObject({ valid: true, tasks: 240 })
  // What the tabs finished among themselves, 30 s after they lost the relay, it does not count as its own.
  const open = { failed: 0, pending: 0, assigned: 0, running: 0 }
  await expect.poll(async () => (await relay.status()).tasks).toMatchObject(open)
})

test('TSK-12 one tab alone is told what is missing, and the job waits for it', async () => {
  const browser = await browsers.launch()
  const alone = await Tab.open(browser, relay.url)
  await alone.untilJoined()
  await alone.lend()
  await alone.run(weatherProgram, { name: 'seattle-weather.csv', text: weatherCsv(5) })
  await expect(alone.job.getByRole('status', { name: 'Waiting' })).toContainText('Waiting for 2 more workers')
  const others = [await Tab.open(browser, relay.url), await Tab.open(browser, relay.url)]
  for (const tab of others) {
    await tab.untilJoined()
    await tab.lend()
  }
  await alone.untilEnded(60_000)
  expectAnswers(await alone.results(), weatherCsv(5))
})
