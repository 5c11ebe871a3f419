import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from '@playwright/test'
import { chromium, expect, test } from '@playwright/test'
import { chromiumArgs, locateChromium } from '../scripts/chromium.ts'
import type { Hash, PeerId } from '../shared/kernel/ids.ts'
import { inOrder, numbered, startAgent, stopNodes } from '../test/host/network-nodes.ts'
import type { RelayProcess } from '../test/relay/net/spawn-relay.ts'
import { spawnRelay } from '../test/relay/net/spawn-relay.ts'
import type {} from './network-page/main.ts'
import { bundlePage } from './support/page-bundle.ts'

const networkId = 'c0ffee00'.repeat(8)
const relaySeed = '11'.repeat(32)
const html = '<!doctype html><title>test</title><script type="module" src="/page.js"></script>'

let script: string
let relay: RelayProcess
const browsers: Browser[] = []
// A real server: what Playwright answers itself counts as a public address, from where Chromium lets no page reach
// the local network.
const server = createServer((request, response) => {
  const [type, body] = request.url === '/page.js' ? ['text/javascript', script] : ['text/html', html]
  response.writeHead(200, { 'content-type': type }).end(body)
})

interface Tab {
  readonly page: Page
  readonly peer: string
}

test.beforeAll(async () => {
  script = await bundlePage(new URL('network-page/main.ts', import.meta.url))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

test.afterAll(() => {
  server.close()
})

test.beforeEach(async () => {
  relay = await spawnRelay({ seed: relaySeed, networkId })
})

test.afterEach(async () => {
  await Promise.all(browsers.splice(0).map((browser) => browser.close()))
  await relay.kill('SIGKILL')
})

async function launch(): Promise<Browser> {
  const executablePath = locateChromium()
  const browser = await chromium.launch({
    args: [...chromiumArgs],
    ...(executablePath === undefined ? {} : { executablePath }),
  })
  browsers.push(browser)
  return browser
}

declare global {
  interface Window {
    /** RTCPeerConnections the page made, and whether those it makes from now on can find no way. */
    webrtc: { made: number; broken: boolean }
  }
}

function countConnections(): void {
  const Native = RTCPeerConnection
  window.webrtc = { made: 0, broken: false }
  window.RTCPeerConnection = class extends Native {
    constructor(configuration?: RTCConfiguration) {
      // Without a TURN server to relay through, that policy leaves no candidate.
      super(window.webrtc.broken ? { ...configuration, iceTransportPolicy: 'relay' } : configuration)
      window.webrtc.made++
    }
  }
}

/** A tab in a context of its own: nothing is shared with the others but the network. */
async function openTab(browser: Browser): Promise<Tab> {
  const page = await (await browser.newContext()).newPage()
  await page.addInitScript(countConnections)
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  const peer = await page.evaluate((id) => window.tab.start(id), networkId)
  return { page, peer }
}

async function joinRelay(tab: Tab): Promise<void> {
  const address = relay.addresses.find((text) => text.includes('/ws'))!
  await tab.page.evaluate((to) => window.tab.dialAddress(to), address)
  await tab.page.evaluate(() => window.tab.untilReserved())
}

/** Every pair, dialled by one of the two in turn, so that both roles occur. */
async function connectAll(tabs: readonly Tab[]): Promise<void> {
  const pairs = tabs.flatMap((a, at) =>
    tabs.slice(at + 1).map((b): [Tab, Tab] => (at % 2 === 0 ? [a, b] : [b, a])),
  )
  await Promise.all(pairs.map(([a, b]) => a.page.evaluate((peer) => window.tab.dialPeer(peer), b.peer)))
  await Promise.all(
    pairs.flatMap(([a, b]) => [
      a.page.evaluate((peer) => window.tab.untilDirect(peer), b.peer),
      b.page.evaluate((peer) => window.tab.untilDirect(peer), a.peer),
    ]),
  )
}

test('NET-08 four tabs in two browsers are all directly connected, outlive the relay, and find it again', async () => {
  const [first, second] = [await launch(), await launch()]
  const tabs = await Promise.all([openTab(first), openTab(first), openTab(second), openTab(second)])
  const start = Date.now()
  await Promise.all(tabs.map(joinRelay))
  const joined = Date.now()
  await connectAll(tabs)
  console.log(`joined in ${joined - start} ms, all direct in ${Date.now() - joined} ms more`)

  // Frames in flight while the relay dies arrive, in order, and more follow.
  const [sender, ...others] = tabs as [Tab, ...Tab[]]
  for (const { peer } of others) {
    expect(await sender.page.evaluate((to) => window.tab.sendNumbered(to, 0, 2_000, 500), peer)).toBe(true)
  }
  await relay.kill('SIGKILL')
  await Promise.all(
    tabs.map(({ page }) => page.evaluate((peer) => window.tab.untilDown(peer, 1), relay.peer)),
  )
  await sender.page.evaluate(() => window.tab.publish('said without a relay'))
  for (const { page } of others) await page.evaluate(() => window.tab.untilGossip('said without a relay'))
  for (const { peer } of others) {
    expect(await sender.page.evaluate((to) => window.tab.sendNumbered(to, 2_000, 3_000, 500), peer)).toBe(
      true,
    )
  }
  for (const { page } of others) {
    const came = await page.evaluate((from) => window.tab.numbered(from, 3_000), sender.peer)
    expect(came).toEqual({ count: 3_000, inOrder: true })
  }

  const dead = relay
  relay = await spawnRelay({ seed: relaySeed, networkId, tcpPort: dead.ports.tcp, wsPort: dead.ports.ws })
  expect(relay.ports).toEqual(dead.ports)
  const back = Date.now()
  await Promise.all(tabs.map(joinRelay))
  console.log(`back at the restarted relay with a reservation in ${Date.now() - back} ms`)
  for (const { page } of tabs) {
    expect(await page.evaluate((peer) => window.tab.echo(peer, 1_000), relay.peer)).toBeGreaterThan(0)
    // No tab ever lost another.
    const downs = (await page.evaluate(() => window.tab.log())).filter((line) => line.startsWith('down'))
    expect(downs.filter((line) => !line.includes(relay.peer))).toEqual([])
    // One connection for each of the three others, and none that failed.
    expect(await page.evaluate(() => window.webrtc.made)).toBe(3)
  }

  // The new reservations are worth something: a newcomer reaches everyone.
  const newcomer = await openTab(first)
  await joinRelay(newcomer)
  for (const tab of tabs) await connectAll([newcomer, tab])
})

test('two tabs that dial one another at once make one connection', async () => {
  const browser = await launch()
  const tabs = await Promise.all([openTab(browser), openTab(browser)])
  await Promise.all(tabs.map(joinRelay))
  const [a, b] = tabs as [Tab, Tab]
  await Promise.all([connectAll([a, b]), connectAll([b, a])])
  for (const { page } of tabs) expect(await page.evaluate(() => window.webrtc.made)).toBe(1)
  for (const [{ page }, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const log = await page.evaluate(() => window.tab.log())
    expect(log.filter((line) => line === `up ${other.peer}`)).toHaveLength(1)
    expect(log.filter((line) => line.startsWith('down'))).toEqual([])
  }
})

test('a tab that is slow to handle frames stops the one that sends them', async () => {
  const browser = await launch()
  const tabs = await Promise.all([openTab(browser), openTab(browser)])
  await Promise.all(tabs.map(joinRelay))
  await connectAll(tabs)
  const [sender, slow] = tabs as [Tab, Tab]
  await slow.page.evaluate(() => window.tab.hold())
  const frames = 60
  expect(await sender.page.evaluate((to) => window.tab.sendNumbered(to, 0, 60, 100_000), slow.peer)).toBe(
    true,
  )
  // Data channels have no such thing of their own: without the window all of it would lie at the receiver.
  await expect
    .poll(() => sender.page.evaluate((to) => window.tab.queuedBytes(to), slow.peer))
    .toBeLessThan(frames * 100_000 - 900_000)
  expect(await sender.page.evaluate((to) => window.tab.queuedBytes(to), slow.peer)).toBeGreaterThan(4_900_000)
  await slow.page.evaluate(() => window.tab.release())
  expect(await slow.page.evaluate((from) => window.tab.numbered(from, 60), sender.peer)).toEqual({
    count: frames,
    inOrder: true,
  })
})

test('NET-08 tabs that cannot have WebRTC stay relayed, and do not try without end', async () => {
  const browser = await launch()
  const tabs = await Promise.all([openTab(browser), openTab(browser)])
  for (const { page } of tabs)
    await page.evaluate(() => {
      window.webrtc.broken = true
    })
  await Promise.all(tabs.map(joinRelay))
  const [a, b] = tabs as [Tab, Tab]
  await a.page.evaluate((peer) => window.tab.dialPeer(peer), b.peer)
  expect(await a.page.evaluate((peer) => window.tab.isDirect(peer), b.peer)).toBe(false)
  expect(await a.page.evaluate((to) => window.tab.sendNumbered(to, 0, 1_000, 1_000), b.peer)).toBe(true)
  expect(await b.page.evaluate((from) => window.tab.numbered(from, 1_000), a.peer)).toEqual({
    count: 1_000,
    inOrder: true,
  })
  const made = () => Promise.all(tabs.map(({ page }) => page.evaluate(() => window.webrtc.made)))
  await expect.poll(made, { timeout: 30_000 }).toEqual([2, 2])
  expect(await a.page.evaluate((to) => window.tab.sendNumbered(to, 1_000, 2_000, 1_000), b.peer)).toBe(true)
  expect(await b.page.evaluate((from) => window.tab.numbered(from, 2_000), a.peer)).toEqual({
    count: 2_000,
    inOrder: true,
  })
  expect(await made()).toEqual([2, 2])
})

test('a tab and a headless node reach one another through the relay', async () => {
  const tab = await openTab(await launch())
  await joinRelay(tab)
  const agent = await startAgent({ networkId: networkId as Hash })
  try {
    await agent.network.dial({ addresses: [relay.addresses.find((text) => !text.includes('/ws'))!] })
    await expect
      .poll(() => tab.page.evaluate((peer) => window.tab.dialPeer(peer).catch(String), agent.peer))
      .toBe(agent.peer)
    expect(await tab.page.evaluate((to) => window.tab.sendNumbered(to, 0, 500, 2_000), agent.peer)).toBe(true)
    const self = tab.peer as PeerId
    await agent.seen.until(() => agent.seen.from(self).length === 500, 'frames')
    expect(inOrder(agent.seen.from(self))).toBe(true)
    for (let number = 0; number < 500; number++) agent.network.send(self, numbered(number, 2_000))
    expect(await tab.page.evaluate((from) => window.tab.numbered(from, 500), agent.peer)).toEqual({
      count: 500,
      inOrder: true,
    })
    // No WebRTC is tried with one that has none.
    expect(await tab.page.evaluate(() => window.webrtc.made)).toBe(0)
  } finally {
    await stopNodes()
  }
})

test('a tab that is closed says goodbye', async () => {
  const browser = await launch()
  const tabs = await Promise.all([openTab(browser), openTab(browser)])
  await Promise.all(tabs.map(joinRelay))
  await connectAll(tabs)
  const [left, closed] = tabs as [Tab, Tab]
  await closed.page.close()
  await left.page.evaluate((peer) => window.tab.untilDown(peer, 1), closed.peer)
  const log = await left.page.evaluate(() => window.tab.log())
  expect(log).toContain(`down ${closed.peer} bye`)
})
