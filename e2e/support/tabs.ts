import { readFile } from 'node:fs/promises'
import {
  type Browser,
  type BrowserContext,
  chromium,
  expect,
  type Locator,
  type Page,
} from '@playwright/test'
import { chromiumArgs, locateChromium } from '../../scripts/chromium.ts'
import type {} from '../../web/main.ts'
import type { TabState } from '../../web/node/tab-state.ts'

/** Browser processes of one test. The next one gets those that are like any other, empty; `end` closes them all. */
export class Browsers {
  readonly #open: { readonly browser: Browser; readonly isPlain: boolean }[] = []
  readonly #idle: Browser[] = []

  /** Each call of one test gives another process. */
  async launch(...args: string[]): Promise<Browser> {
    const isPlain = args.length === 0
    const browser = (isPlain ? this.#idle.pop() : undefined) ?? (await launchBrowser(args))
    this.#open.push({ browser, isPlain })
    return browser
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#open.splice(0).map(async ({ browser, isPlain }) => {
        if (!isPlain || !browser.isConnected()) return await browser.close()
        await Promise.all(browser.contexts().map((context) => context.close()))
        this.#idle.push(browser)
      }),
    )
  }

  async end(): Promise<void> {
    await this.close()
    await Promise.all(this.#idle.splice(0).map((browser) => browser.close()))
  }
}

async function launchBrowser(args: readonly string[]): Promise<Browser> {
  const executablePath = locateChromium()
  return await chromium.launch({
    args: [...chromiumArgs, ...args],
    ...(executablePath === undefined ? {} : { executablePath }),
  })
}

/** One open page of Tabmesh, used as a visitor would. */
export class Tab {
  readonly page: Page
  readonly job: Locator

  constructor(page: Page) {
    this.page = page
    this.job = page.getByRole('region', { name: 'Job' })
  }

  /** In a context of its own: a browser profile that shares nothing with the others. */
  static async open(browser: Browser, url: string, prepare?: (context: BrowserContext) => Promise<void>) {
    const context = await browser.newContext()
    await prepare?.(context)
    const tab = new Tab(await context.newPage())
    await tab.page.goto(url)
    return tab
  }

  async state(): Promise<TabState> {
    const state = await this.page.evaluate(() => window.tabmesh.state())
    if (state === undefined) throw new Error('the tab has no node')
    return state
  }

  async untilJoined(): Promise<string> {
    await this.page.waitForFunction(() => window.tabmesh.state()?.relay.isUp === true)
    return (await this.state()).peerId
  }

  async untilDirect(tabs: number): Promise<void> {
    await this.page.waitForFunction(
      (count) =>
        window.tabmesh.state()?.members.filter(({ kind, direct }) => kind === 'tab' && direct).length ===
        count,
      tabs,
    )
  }

  async lend(): Promise<void> {
    await this.page.getByRole('switch', { name: 'Lend computing time' }).click()
    await this.page.waitForFunction(() => window.tabmesh.state()?.contribution.status === 'lending')
  }

  /** Fills the form in and starts the job. */
  async run(program: string, input: { readonly name: string; readonly text: string }): Promise<void> {
    const { page } = this
    await page.getByRole('radio', { name: 'Write JavaScript' }).check()
    await page.getByRole('textbox', { name: 'Program text' }).fill(program)
    await page.getByRole('radio', { name: 'File', exact: true }).check()
    await page
      .getByLabel('Input file')
      .setInputFiles({ name: input.name, mimeType: 'text/plain', buffer: Buffer.from(input.text) })
    await page.getByRole('button', { name: 'Run' }).click()
  }

  async untilDone(count: number): Promise<void> {
    await this.page.waitForFunction((done) => (window.tabmesh.state()?.counters.results ?? 0) >= done, count)
  }

  async untilEnded(timeout: number): Promise<void> {
    await expect(this.job.getByRole('button', { name: 'Download results' })).toBeEnabled({ timeout })
  }

  async results(): Promise<ResultLine[]> {
    const text = await this.#download('Download results')
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ResultLine)
  }

  async receipt(): Promise<string> {
    return await this.#download('Download receipt')
  }

  /** What the page says of a receipt's text. */
  async verdictOn(receipt: string): Promise<string> {
    const { page } = this
    const details = page.locator('receipt-check details')
    if ((await details.getAttribute('open')) === null) await page.getByText('Check a receipt').click()
    await page
      .getByLabel('Receipt file')
      .setInputFiles({ name: 'receipt.json', mimeType: 'application/json', buffer: Buffer.from(receipt) })
    return await page.getByRole('status', { name: 'Verdict' }).innerText()
  }

  async #download(button: string): Promise<string> {
    const [download] = await Promise.all([
      this.page.waitForEvent('download'),
      this.job.getByRole('button', { name: button }).click(),
    ])
    return await readFile(await download.path(), 'utf8')
  }
}

/** A line of the results file (FORMATS, "CLI"). */
export interface ResultLine {
  readonly index: number
  readonly taskId: string
  readonly status: string
  readonly output?: unknown
  readonly error?: { readonly kind: string; readonly message: string }
}
