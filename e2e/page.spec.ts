import { gzipSync } from 'node:zlib'
import { type BrowserContext, expect, type Page, test } from '@playwright/test'
import { ProcessNetwork } from '../test/support/tabmesh-processes.ts'
import { axeViolations } from './support/axe.ts'
import { RelayProcess } from './support/relay-process.ts'
import { Browsers, Tab } from './support/tabs.ts'

const browsers = new Browsers()
let relay: RelayProcess
let crew: ProcessNetwork | undefined

test.beforeAll(async () => {
  relay = await RelayProcess.start()
})

test.afterAll(async () => {
  await browsers.end()
  await crew?.close()
  await relay.end()
})

test.afterEach(async () => {
  await browsers.close()
})

async function openTab(path = '', options: { readonly args?: string[] } = {}): Promise<Tab> {
  return await Tab.open(await browsers.launch(...(options.args ?? [])), `${relay.url}${path}`)
}

/** A lending tab beside two agents: the three workers that a job needs. */
async function openLender(): Promise<Tab> {
  crew ??= await ProcessNetwork.start(2)
  const tab = await Tab.open(await browsers.launch(), crew.url)
  await tab.untilJoined()
  await tab.lend()
  return tab
}

const lendSwitch = (page: Page) => page.getByRole('switch', { name: 'Lend computing time' })
const notice = (page: Page) => page.getByRole('main').getByRole('alert')

/** A page under test never hides by itself. */
async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate(
    (state) => {
      Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))
    },
    isHidden ? 'hidden' : 'visible',
  )
}

test.describe('consent', () => {
  // Counts of what is lent are of the tabs of one test only.
  test.beforeEach(async () => {
    await relay.end()
    relay = await RelayProcess.start()
  })

  test('WEB-01 nothing of the sandbox is fetched, made or lent before the switch, nor after it is off again', async () => {
    const browser = await browsers.launch()
    const requests: string[] = []
    const tab = await Tab.open(browser, relay.url, async (context) => {
      context.on('request', (request) => requests.push(new URL(request.url()).pathname))
    })
    const { page } = tab
    await tab.untilJoined()
    await expect(lendSwitch(page)).toHaveAttribute('aria-checked', 'false')
    await expect(page.getByRole('status', { name: 'Contribution' })).toHaveText(
      'Nothing runs: the switch is off',
    )
    const ofSandbox = () => requests.filter((path) => /sandbox\.html|\.wasm|frame-runner/.test(path))
    expect(ofSandbox()).toEqual([])
    expect(await page.locator('iframe').count()).toBe(0)
    expect((await tab.state()).contribution).toMatchObject({
      status: 'off',
      slots: 0,
      settings: { consent: false },
    })
    expect((await relay.status()).workers.slots).toBe(0)

    await tab.lend()
    expect(ofSandbox()).not.toEqual([])
    await expect(page.getByRole('status', { name: 'Contribution' })).toHaveText('Ready, waiting for work')
    await expect.poll(async () => (await relay.status()).workers.slots).toBeGreaterThan(0)

    await lendSwitch(page).click()
    await expect(page.locator('iframe')).toHaveCount(0)
    expect((await tab.state()).contribution).toMatchObject({ status: 'off', slots: 0 })
    await expect.poll(async () => (await relay.status()).workers.slots).toBe(0)
  })

  test('WEB-01 the choice is kept over a reload', async () => {
    const tab = await openTab()
    await tab.untilJoined()
    await tab.page.getByRole('checkbox', { name: 'while this tab is hidden' }).check()
    await tab.lend()
    await tab.page.reload()
    await tab.page.waitForFunction(() => window.tabmesh.state()?.contribution.status === 'lending')
    await expect(lendSwitch(tab.page)).toHaveAttribute('aria-checked', 'true')
    await expect(tab.page.getByRole('checkbox', { name: 'while this tab is hidden' })).toBeChecked()
  })

  test('WEB-01 a page that is put to sleep lends nothing, and lends again when it wakes', async () => {
    const tab = await openTab()
    await tab.untilJoined()
    await tab.lend()
    await expect.poll(async () => (await relay.status()).workers.slots).toBeGreaterThan(0)
    // As in a freeze, what listens is called and promises that are settled go on, and then nothing happens any more.
    const asleep = tab.page.evaluate(async () => {
      document.dispatchEvent(new Event('freeze'))
      for (let i = 0; i < 2_000; i++) await null
      const end = performance.now() + 12_000
      while (performance.now() < end);
    })
    await expect.poll(async () => (await relay.status()).workers.slots, { timeout: 10_000 }).toBe(0)
    await asleep
    await tab.page.evaluate(() => document.dispatchEvent(new Event('resume')))
    await tab.untilJoined()
    await tab.page.waitForFunction(() => window.tabmesh.state()?.contribution.status === 'lending')
    await expect.poll(async () => (await relay.status()).workers.slots).toBeGreaterThan(0)
  })

  test('WEB-01 pauses while the tab is hidden, when so chosen', async () => {
    const tab = await openTab()
    const { page } = tab
    await tab.untilJoined()
    await tab.lend()
    await setHidden(page, true)
    expect((await tab.state()).contribution.status).toBe('lending')
    await page.getByRole('checkbox', { name: 'while this tab is hidden' }).check()
    await expect
      .poll(async () => (await tab.state()).contribution)
      .toMatchObject({ status: 'paused', slots: 0 })
    await expect(page.getByRole('status', { name: 'Contribution' })).toHaveText(
      'Paused while this tab is hidden',
    )
    await setHidden(page, false)
    await expect.poll(async () => (await tab.state()).contribution.status).toBe('lending')
  })

  test('WEB-01 says what runs, for whom and since when', async () => {
    const tab = await openLender()
    const { page } = tab
    const spin = 'export default (line) => { let n = 0; for (let i = 0; i < 4e6; i++) n += i % 7; return n }'
    await tab.run(spin, { name: 'lines.txt', text: 'a\nb\nc\nd\n' })
    const running = page.getByRole('list', { name: 'Running now' }).getByRole('listitem')
    await expect(running).toHaveText(
      new RegExp(`A program for\\s+…${(await tab.state()).peerId.slice(-8)},\\s+\\d+ s`),
    )
    await tab.untilEnded(60_000)
    await expect(page.getByText(/^[1-9]\d* tasks? answered$/)).toBeVisible()
  })
})

test.describe('one node per profile', () => {
  test('IDN-02 a second tab shows the first one’s node, and takes over when it closes', async () => {
    const first = await openTab()
    const peer = await first.untilJoined()
    const page = await first.page.context().newPage()
    await page.goto(relay.url)
    await expect(page.getByText('This page already runs in another tab')).toBeVisible()
    await page.waitForFunction((id) => window.tabmesh.state()?.peerId === id, peer)
    expect(await page.evaluate(() => window.tabmesh.phase)).toBe('elsewhere')
    await expect(page.getByRole('status', { name: 'Connection' })).toContainText('Connected')
    await expect(lendSwitch(page)).toBeDisabled()
    await expect(page.getByRole('button', { name: 'Run' })).toBeDisabled()
    await first.lend()
    await expect(lendSwitch(page)).toHaveAttribute('aria-checked', 'true')
    await first.page.close()
    const second = new Tab(page)
    await page.waitForFunction(() => window.tabmesh.phase === 'running')
    expect(await second.untilJoined()).toBe(peer)
    await page.waitForFunction(() => window.tabmesh.state()?.contribution.status === 'lending')
  })

  test('IDN-02 ?profile=NAME is another node in the same browser, and the same one after a reload', async () => {
    const first = await openTab()
    const page = await first.page.context().newPage()
    await page.goto(`${relay.url}/?profile=second`)
    const second = new Tab(page)
    const peers = [await first.untilJoined(), await second.untilJoined()]
    expect(new Set(peers).size).toBe(2)
    await page.reload()
    expect(await second.untilJoined()).toBe(peers[1])
  })

  test('IDN-02 a profile name that cannot be is refused with what may stand there', async () => {
    const tab = await openTab('/?profile=..%2Fother')
    await expect(notice(tab.page)).toContainText('A profile is named by 1 to 64 letters')
    await expect(tab.page.getByRole('status', { name: 'Connection' })).toHaveText('Not started')
  })

  test('WEB-01 over plain http from another host the page says why it does not start', async () => {
    const browser = await browsers.launch('--host-resolver-rules=MAP tabmesh.test 127.0.0.1')
    const tab = await Tab.open(browser, relay.url.replace('localhost', 'tabmesh.test'))
    await expect(notice(tab.page)).toContainText('This page came over plain http from another computer')
    expect(await tab.page.evaluate(() => window.tabmesh.state())).toBeUndefined()
  })
})

test.describe('a relay that is away', () => {
  test('NET-05 a first start waits for it, and a later start goes ahead and joins when it is back', async () => {
    let isAway = true
    const browser = await browsers.launch()
    const tab = await Tab.open(browser, relay.url, async (context) => {
      await context.route('**/api/v1/network', (route) => (isAway ? route.abort() : route.continue()))
    })
    const { page } = tab
    await expect(page.getByText(/cannot be reached .*Trying again/)).toBeVisible()
    expect(await page.evaluate(() => window.tabmesh.phase)).toBe('starting')
    isAway = false
    const peer = await tab.untilJoined()
    isAway = true
    await page.reload()
    await expect(page.getByRole('status', { name: 'Connection' })).toContainText('Relay away, trying again')
    expect(await page.evaluate(() => window.tabmesh.phase)).toBe('running')
    isAway = false
    expect(await tab.untilJoined()).toBe(peer)
  })

  test('NET-05 is dialled now and then, and not by every part of the tab at once', async () => {
    const tab = await openTab()
    await tab.untilJoined()
    let sockets = 0
    tab.page.on('websocket', () => sockets++)
    await relay.kill('SIGKILL')
    await expect.poll(async () => (await tab.state()).relay.failures, { timeout: 40_000 }).toBeGreaterThan(3)
    expect(sockets).toBeLessThan(5)
    await relay.startAgain()
    await tab.untilJoined()
  })

  test('WEB-01 a tab that lends says that no work comes from a relay that is away', async () => {
    const tab = await openTab()
    await tab.untilJoined()
    await tab.lend()
    const contribution = tab.page.getByRole('status', { name: 'Contribution' })
    await expect(contribution).toHaveText('Ready, waiting for work')
    await relay.kill('SIGKILL')
    await expect(contribution).toHaveText('Ready, but the relay cannot be reached')
    await relay.startAgain()
    await expect(contribution).toHaveText('Ready, waiting for work', { timeout: 40_000 })
  })

  test('NET-05 one that comes back as another network is joined after a reload, as the page says', async () => {
    const tab = await openTab()
    await tab.untilJoined()
    await relay.kill('SIGKILL')
    await relay.forgetAll()
    await relay.startAgain()
    await expect(notice(tab.page)).toContainText('The relay runs another network now', { timeout: 40_000 })
    expect((await tab.state()).relay).toMatchObject({ isUp: false, isOtherNetwork: true })
    await tab.page.reload()
    await tab.untilJoined()
    await expect(notice(tab.page)).toHaveCount(0)
  })
})

test.describe('the page itself', () => {
  test('WEB-06 first load is at most 300 KB gzip and asks nothing of other hosts', async () => {
    const browser = await browsers.launch()
    const sizes = new Map<string, number>()
    const hosts = new Set<string>()
    const tab = await Tab.open(browser, relay.url, async (context) => watchLoads(context, sizes, hosts))
    await tab.untilJoined()
    await tab.page.waitForLoadState('networkidle')
    const total = [...sizes.values()].reduce((sum, size) => sum + size, 0)
    console.log(`first load: ${(total / 1024).toFixed(1)} of 300 KB gzip`)
    test.info().annotations.push({ type: 'first load, KB gzip', description: (total / 1024).toFixed(1) })
    expect(sizes.size).toBeGreaterThan(2)
    expect(total).toBeLessThanOrEqual(300 * 1024)
    expect(
      [...sizes.keys()].filter((path) => /wasm|onnx|ort-|sandbox|programs|frame-runner/.test(path)),
    ).toEqual([])
    expect([...hosts]).toEqual([new URL(relay.url).host])
  })

  test('WEB-06 neither loading, joining nor a job moves what is on the screen', async () => {
    const tab = await openTab()
    await tab.untilJoined()
    await tab.lend()
    await tab.run('export default (item) => item', { name: 'a.txt', text: 'a\nb\n' })
    await expect(tab.job.getByRole('status', { name: 'Waiting' })).toContainText('Waiting for 2 more workers')
    const shift = await tab.page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          new PerformanceObserver((list) => {
            const shifts = list.getEntries() as (PerformanceEntry & {
              value: number
              hadRecentInput: boolean
            })[]
            resolve(
              shifts
                .filter(({ hadRecentInput }) => !hadRecentInput)
                .reduce((sum, { value }) => sum + value, 0),
            )
          }).observe({ type: 'layout-shift', buffered: true })
          setTimeout(() => resolve(0), 500)
        }),
    )
    expect(shift).toBeLessThan(0.01)
  })

  test('WEB-06 has nothing to report against its content security policy', async () => {
    const browser = await browsers.launch()
    const violations: string[] = []
    const tab = await Tab.open(browser, relay.url, async (context) => {
      context.on('console', (message) => {
        if (message.text().includes('Content Security Policy')) violations.push(message.text())
      })
    })
    await tab.untilJoined()
    await tab.lend()
    expect(violations).toEqual([])
  })

  test('WEB-06 is operated by keyboard alone', async () => {
    const tab = await openTab()
    await tab.untilJoined()
    const { page } = tab
    await page.keyboard.press('Tab')
    await expect(lendSwitch(page)).toBeFocused()
    await page.keyboard.press('Space')
    await expect(lendSwitch(page)).toHaveAttribute('aria-checked', 'true')
    await page.keyboard.press('Tab')
    await expect(page.getByRole('slider', { name: 'Programs at a time' })).toBeFocused()
    await page.keyboard.press('End')
    await expect
      .poll(async () => (await tab.state()).contribution.slots)
      .toBe((await tab.state()).contribution.slotsMax)
  })

  test('WEB-06 WEB-08 leads to the page of the API, and that one back', async () => {
    const { page } = await openTab()
    await page.getByRole('link', { name: 'API for programs' }).click()
    await expect(page.getByRole('heading', { name: 'API of a Tabmesh relay' })).toBeVisible()
    await page.getByRole('link', { name: 'Tabmesh', exact: true }).click()
    await expect(page.getByRole('heading', { name: 'Have work done' })).toBeVisible()
  })

  test('WEB-06 fits a phone without scrolling sideways', async () => {
    const tab = await openTab()
    await tab.page.setViewportSize({ width: 360, height: 740 })
    await tab.untilJoined()
    await tab.run('export default (item) => item', { name: 'a.txt', text: `${'a'.repeat(300)}\n` })
    await expect(tab.job).toBeVisible()
    expect(
      await tab.page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      ),
    ).toBeLessThanOrEqual(0)
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`WEB-06 axe finds nothing wrong in the ${colorScheme} page`, async () => {
      const tab = await openTab()
      await tab.page.emulateMedia({ colorScheme })
      await tab.untilJoined()
      await tab.lend()
      await tab.page.getByLabel('Ready-made program').selectOption('group_by')
      expect(await axeViolations(tab.page)).toEqual([])
      await tab.page.getByRole('radio', { name: 'Program file' }).check()
      await tab.page
        .locator('program-field input[type=file]')
        .setInputFiles({ name: 'a.onnx', mimeType: '', buffer: Buffer.from('no model') })
      await expect(notice(tab.page)).toBeVisible()
      expect(await axeViolations(tab.page)).toEqual([])
      await tab.run('export default (item) => item', { name: 'a.txt', text: 'a\nb\n' })
      await expect(tab.job).toBeVisible()
      expect(await axeViolations(tab.page)).toEqual([])
    })
  }
})

async function watchLoads(
  context: BrowserContext,
  sizes: Map<string, number>,
  hosts: Set<string>,
): Promise<void> {
  context.on('request', (request) => hosts.add(new URL(request.url()).host))
  context.on('response', async (response) => {
    const { pathname } = new URL(response.url())
    if (pathname.startsWith('/api/')) return
    sizes.set(pathname, gzipSync(await response.body(), { level: 9 }).length)
  })
}
