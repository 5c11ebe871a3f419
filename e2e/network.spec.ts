import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from '@playwright/test'
import { chromium, expect, test } from '@playwright/test'
import { chromiumArgs, locateChromium } from '../scripts/chromium.ts'
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

/** A tab in a context of its own: nothing is shared with the others but the network. */
async function openTab(browser: Browser): Promise<Tab> {
  const page = await (await browser.newContext()).newPage()
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
  }
})
