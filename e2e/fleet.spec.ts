import { expect, test } from '@playwright/test'
import { type FleetRelay, ProcessFleet } from '../test/support/fleet-processes.ts'
import { RedisProcess, redisProgram } from '../test/support/servers/redis-process.ts'
import { mayBeMissing } from '../test/support/servers/server-process.ts'
import { Browsers, Tab } from './support/tabs.ts'
import { weatherAnswers, weatherCsv, weatherProgram } from './support/weather-job.ts'

const browsers = new Browsers()
let redis: RedisProcess
let fleet: ProcessFleet

// biome-ignore lint/suspicious/noSkippedTests: only where Redis may be missing, and then the count says so
test.skip(redisProgram === undefined && mayBeMissing(), 'redis-server is not installed')

test.beforeEach(async () => {
  test.setTimeout(240_000)
  redis = await RedisProcess.start()
  fleet = await ProcessFleet.start({
    ...{ relays: 2, agents: 0, leaseSeconds: 2 },
    store: ['--storage-kind', 'redis', '--storage-url', redis.url],
  })
})

test.afterEach(async () => {
  await browsers.close()
  await fleet?.close()
  await redis?.stop()
})

test.afterAll(() => browsers.end())

/** A tab joins every relay of its network, also those that its page does not come from. */
async function untilMemberOf(tab: Tab, relays: readonly FleetRelay[]): Promise<void> {
  const members = async () =>
    (await tab.state()).members.flatMap(({ kind, peer }) => (kind === 'relay' ? [peer] : []))
  await tab.untilJoined()
  await expect.poll(async () => (await members()).sort()).toEqual(relays.map(({ peerId }) => peerId).sort())
}

test('TSK-14 NET-08 tabs whose relay is gone for good finish their job with another of its fleet', async () => {
  const [first, second] = fleet.relays
  const browser = await browsers.launch()
  const tabs: Tab[] = []
  for (let n = 0; n < 4; n++) tabs.push(await Tab.open(browser, first!.url))
  for (const tab of tabs) await untilMemberOf(tab, fleet.relays)
  for (const tab of tabs) await tab.lend()
  const csv = weatherCsv(240)
  const [submitter] = tabs as [Tab]
  await submitter.run(weatherProgram, { name: 'seattle-weather.csv', text: csv })
  await submitter.untilDone(30)
  await first!.kill()
  await submitter.untilEnded(180_000)
  const results = await submitter.results()
  expect(results.map(({ index }) => index)).toEqual(results.map((_, at) => at))
  expect(results.map(({ output }) => output)).toEqual(weatherAnswers(csv))
  for (const tab of tabs) await untilMemberOf(tab, [second!])
})
