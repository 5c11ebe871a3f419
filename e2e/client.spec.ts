import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { type BrowserContext, expect, type Page, test } from '@playwright/test'
import type { Client } from '../shared/client/client.ts'
import type { TabmeshClient } from '../shared/client/tabmesh-client.ts'
import type * as contractModule from '../test/contract/tabmesh-client.contract.ts'
import { tabmeshClientContract } from '../test/contract/tabmesh-client.contract.ts'
import { ProcessNetwork } from '../test/support/tabmesh-processes.ts'
import type {} from '../web/main.ts'
import { bundleGlobal } from './support/page-bundle.ts'

const root = new URL('..', import.meta.url)

declare global {
  /** Bundled into the page. */
  var contract: typeof contractModule
  var client: TabmeshClient
}

let network: ProcessNetwork
/** Sites of others on this machine: Chromium asks before a page from elsewhere may call one. */
const sites: Server[] = []
let allowedOrigin: string
let otherOrigin: string
let contractCode: string
let library: string

test.describe.configure({ mode: 'serial', timeout: 240_000 })

test.beforeAll(async () => {
  const build = ['--disable-warning=ExperimentalWarning', 'scripts/build-client.ts', '--browser']
  await promisify(execFile)(process.execPath, build, { cwd: root })
  library = await readFile(new URL('dist/client/browser.js', root), 'utf8')
  contractCode = await bundleGlobal(
    new URL('../test/contract/tabmesh-client.contract.ts', import.meta.url),
    'contract',
  )
  ;[allowedOrigin, otherOrigin] = [await startSite(), await startSite()]
  network = await ProcessNetwork.start(4, { relayArgs: ['--allow-origin', allowedOrigin] })
})
test.afterAll(async () => {
  await network.close()
  for (const site of sites) site.close()
})

async function startSite(): Promise<string> {
  const site = createServer((request, response) => {
    const isLibrary = request.url === '/library.js'
    response.setHeader('content-type', isLibrary ? 'text/javascript' : 'text/html')
    response.end(isLibrary ? library : '<!doctype html><title>A site</title>')
  })
  sites.push(site)
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
  return `http://localhost:${(site.address() as AddressInfo).port}`
}

/** A page of the relay's own site that has the library. */
async function openWithLibrary(context: BrowserContext): Promise<Page> {
  await context.route(`${network.url}/library.js`, (route) =>
    route.fulfill({ contentType: 'text/javascript', body: library }),
  )
  await context.route(`${network.url}/library.html`, (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>A page</title>' }),
  )
  return await openSite(context, `${network.url}/library.html`)
}

async function openSite(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  return page
}

/** Connects to the relay and leaves the client at `globalThis.client`; what it says when it cannot. */
const connect = (page: Page): Promise<string | undefined> =>
  page.evaluate(async (relay) => {
    const url: string = '/library.js'
    const { connect: open } = (await import(url)) as typeof import('../web/client/tabmesh.ts')
    try {
      globalThis.client = await open({ relay, waitSeconds: 5 })
      return undefined
    } catch (error) {
      return `${(error as { code?: string }).code}: ${(error as Error).message}`
    }
  }, network.url)

/** Every case of the contract, one after another. */
async function keepContract(page: Page): Promise<void> {
  await page.evaluate(contractCode)
  for (const { name } of tabmeshClientContract) {
    await test.step(name, async () => {
      await page.evaluate(async (wanted) => {
        const found = globalThis.contract.tabmeshClientContract.find((each) => each.name === wanted)
        await found!.run({ client: globalThis.client })
      }, name)
    })
  }
}

test('WEB-08 the node of a page keeps the contract of a client', async ({ page }) => {
  await page.goto(`${network.url}/?profile=contract`)
  await page.waitForFunction(() => window.tabmesh.state()?.relay.isUp === true)
  await page.evaluate(async () => {
    globalThis.client = await window.tabmesh.client()
  })
  await keepContract(page)
})

test('WEB-08 the library as a package keeps the contract in a page of the relay', async ({ context }) => {
  const page = await openWithLibrary(context)
  expect(await connect(page)).toBeUndefined()
  await keepContract(page)
})

test('WEB-08 pages of an origin that the relay allows use it, others are told why not', async ({
  context,
}) => {
  const allowed = await openSite(context, allowedOrigin)
  expect(await connect(allowed)).toBeUndefined()
  const outputs = await allowed.evaluate(async () => {
    const run = globalThis.client.map('export default (n) => n * n', [1, 2, 3], { taskType: 'javascript' })
    const list: unknown[] = []
    for await (const result of run) list.push(result.status === 'completed' ? result.output : result.error)
    const receipt = await globalThis.client.receipt(run.jobId)
    return [list, (await globalThis.client.verifyReceipt(receipt)).valid]
  })
  expect(outputs).toEqual([[1, 4, 9], true])
  const counted = await allowed.evaluate(async () => {
    const client = globalThis.client as Client
    const task = await client.submit(await client.builtIn('word-count'), 'a b a', {
      taskType: 'text_processing',
    })
    return await task.result()
  })
  expect(counted).toMatchObject({ status: 'completed', output: { a: 2, b: 1 } })

  const other = await openSite(context, otherOrigin)
  // Which network it is anyone may ask; what is signed is for those who are let in.
  expect(await connect(other)).toBeUndefined()
  const refusal = await other.evaluate(async () => {
    const error = await globalThis.client
      .submit('export default (n) => n', 1, { taskType: 'javascript' })
      .then(String, (thrown: { code: string; message: string }) => thrown)
    return typeof error === 'string' ? error : `${error.code}: ${error.message}`
  })
  const why = `it does not let pages of ${otherOrigin} use it; its operator can, with the setting allowOrigin`
  expect(refusal).toBe(`OriginRefused: The relay at ${network.url} cannot be reached: ${why}`)
})
