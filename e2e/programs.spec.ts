import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { fromText } from '../test/runtime/wasm/fixtures.ts'
import { RelayProcess } from './support/relay-process.ts'
import { Browsers, Tab } from './support/tabs.ts'
import { weatherCsv } from './support/weather-job.ts'

/** Tabs in contexts of their own: the first submits, and all of them lend. */
const browsers = new Browsers()
const tabs: Tab[] = []
/** Paths that each tab asked the relay for. */
const requests: string[][] = []
let relay: RelayProcess
let folder: string

test.describe.configure({ mode: 'serial' })

test.beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabmesh-programs-'))
  relay = await RelayProcess.start()
  const browser = await browsers.launch()
  for (let n = 0; n < 3; n++) {
    const paths: string[] = []
    requests.push(paths)
    tabs.push(
      await Tab.open(browser, relay.url, async (context) => {
        context.on('request', (request) => paths.push(new URL(request.url()).pathname))
      }),
    )
  }
  for (const tab of tabs) {
    await tab.untilJoined()
    await tab.lend()
  }
})

test.afterAll(async () => {
  await browsers.end()
  await relay?.end()
  await rm(folder, { recursive: true, force: true })
})

const submitter = (): Tab => tabs[0]!

async function chooseProgramFile(name: string, bytes: Uint8Array): Promise<void> {
  const path = join(folder, name)
  await writeFile(path, bytes)
  const { page } = submitter()
  await page.getByRole('radio', { name: 'Program file' }).check()
  await page.locator('program-field input[type=file]').setInputFiles(path)
}

async function type(text: string, items: string): Promise<void> {
  const { page } = submitter()
  await page.getByRole('radio', { name: 'Type or paste' }).check()
  await page.getByRole('textbox', { name: 'Input text' }).fill(text)
  await page.getByLabel('Items', { exact: true }).selectOption({ label: items })
}

/** Runs the form as it is filled in; the outputs, after the page said that the receipt of so many tasks holds. */
async function run(tasks: number): Promise<unknown[]> {
  const tab = submitter()
  const before = (await tab.state()).counters.results
  await tab.page.getByRole('button', { name: 'Run' }).click()
  await tab.untilDone(before + tasks)
  await expect(tab.job.getByRole('button', { name: 'Cancel' })).toHaveCount(0, { timeout: 30_000 })
  await expect(tab.job.getByRole('status', { name: 'Receipt' })).toContainText(
    `valid: ${tasks} task${tasks === 1 ? '' : 's'}`,
  )
  return (await tab.results()).map(({ output, error }) => output ?? error)
}

const engineRequests = (): number[] =>
  requests.map((paths) => paths.filter((path) => /\/onnx-[^/]*\.wasm$/.test(path)).length)

test('TSK-02 WEB-02 a ready-made program sums a CSV file up by its groups', async () => {
  const { page } = submitter()
  const csv = weatherCsv(60)
  await page.getByLabel('Ready-made program').selectOption('group_by')
  await expect(page.getByRole('textbox', { name: 'Options' })).toHaveValue(
    '{"by": "weather", "columns": ["high"]}',
  )
  await page.getByRole('textbox', { name: 'Options' }).fill('{"by": "weather", "columns": ["temp_max"]}')
  await page.getByRole('radio', { name: 'File', exact: true }).check()
  await page
    .locator('input-field input[type=file]')
    .setInputFiles({ name: 'weather.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) })
  await expect(page.getByLabel('Items', { exact: true })).toHaveValue('text')
  const [groups] = await run(1)
  const kinds = csv
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',').at(-1)!)
  const counts = (groups as { key: { weather: string }; rows: number }[]).map(({ key, rows }) => [
    key.weather,
    rows,
  ])
  expect(counts).toEqual(
    [...new Set(kinds)].map((kind) => [kind, kinds.filter((each) => each === kind).length]),
  )
})

test('TSK-02 WEB-02 a program compiled from C answers each item', async () => {
  const primes = await readFile(new URL('../programs/examples/c/primes.wasm', import.meta.url))
  await chooseProgramFile('primes.wasm', primes)
  await expect(submitter().page.getByText('WebAssembly (WASI)')).toBeVisible()
  await type('[100, 1000, 10]', 'JSON: each element of an array is an item')
  expect(await run(3)).toEqual([
    { upTo: 100, primes: 25, largest: 97 },
    { upTo: 1000, primes: 168, largest: 997 },
    { upTo: 10, primes: 4, largest: 7 },
  ])
})

test('SBX-03 WEB-02 a module that is refused fails with what is refused, and where', async () => {
  const threads = fromText('(module (memory (export "memory") 1 1 shared) (func (export "_start")))')
  await chooseProgramFile('threads.wasm', threads)
  await type('1', 'All of it is one item, in JSON')
  expect(await run(1)).toMatchObject([
    { kind: 'invalidProgram', message: /^The module uses .+ at byte \d+: / },
  ])
  await expect(
    submitter().job.getByRole('cell', { name: /^Failed \(invalidProgram\): The module uses/ }),
  ).toBeVisible()
})

test('WEB-02 an answer that is no text is shown by its size and saved as it is', async () => {
  const binary = fromText(`(module
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\\10\\00\\00\\00\\03\\00\\00\\00") (data (i32.const 16) "\\ff\\00\\fe")
    (func (export "_start") (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`)
  await chooseProgramFile('binary.wasm', binary)
  await type('1', 'All of it is one item, in JSON')
  expect(await run(1)).toEqual([{ base64: '/wD+' }])
  const tab = submitter()
  await expect(tab.job.getByRole('cell', { name: /^Binary, 3 bytes/ })).toBeVisible()
  const [download] = await Promise.all([
    tab.page.waitForEvent('download'),
    tab.job.getByRole('button', { name: 'Save answer 1' }).click(),
  ])
  expect(download.suggestedFilename()).toBe('result-1.bin')
  expect([...readFileSync(await download.path())]).toEqual([0xff, 0, 0xfe])
})

test('TSK-02 WEB-06 a model names penguins, and its engine is fetched only then, by who runs it', async () => {
  expect(engineRequests()).toEqual([0, 0, 0])
  const { page } = submitter()
  // Slow enough for a person to read how far it is.
  const session = await page.context().newCDPSession(page)
  const throughput = 1.5 * 2 ** 20
  await session.send('Network.enable')
  await session.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 0,
    downloadThroughput: throughput,
    uploadThroughput: throughput,
  })
  const told = page
    .getByRole('status', { name: 'Download' })
    .filter({ hasText: /Downloading the engine for models: \d+ %/ })
    .waitFor({ timeout: 20_000 })
  await page.getByRole('radio', { name: 'Ready-made' }).check()
  await page.getByLabel('Ready-made program').selectOption('penguins')
  await page
    .getByRole('textbox', { name: 'Input text' })
    .fill('[[[39.1, 18.7, 181, 3750]], [[49.6, 16, 225, 5700]]]')
  await page.getByLabel('Items', { exact: true }).selectOption('json')
  const height = () => page.locator('contribute-card').evaluate((card) => card.getBoundingClientRect().height)
  const before = await height()
  const [outputs, during] = await Promise.all([run(2), told.then(height)])
  expect(during).toBe(before)
  expect(outputs).toMatchObject([{ species: { data: ['Adelie'] } }, { species: { data: ['Gentoo'] } }])
  const fetched = engineRequests()
  expect(fetched.filter((count) => count === 1).length).toBeGreaterThanOrEqual(2)
  expect(Math.max(...fetched)).toBe(1)
  await expect(page.getByRole('status', { name: 'Download' })).toHaveText('', { timeout: 20_000 })
  await session.detach()
})

test('STO-07 WEB-01 a program of 15 MB comes to the tabs in parts, and they say how far it is', async () => {
  const primes = await readFile(new URL('../programs/examples/c/primes.wasm', import.meta.url))
  await chooseProgramFile('large.wasm', withCustomSection(primes, 15 * 2 ** 20))
  await type('100', 'All of it is one item, in JSON')
  const telling = tabs[1]!.page
    .getByRole('status', { name: 'Download' })
    .filter({ hasText: /Downloading a program or model: \d+ of 15 MB/ })
    .waitFor({ timeout: 20_000 })
  const [outputs] = await Promise.all([run(1), telling])
  expect(outputs).toEqual([{ upTo: 100, primes: 25, largest: 97 }])
})

/** The page as one finds it. */
async function openForm(): Promise<Tab> {
  return await Tab.open(await browsers.launch(), relay.url)
}

test('WEB-02 each program brings an example of its input, and what was typed stays', async () => {
  const { page } = await openForm()
  const box = page.getByRole('textbox', { name: 'Input text' })
  const programs = page.getByLabel('Ready-made program')
  await expect(box).toHaveValue('The cat and the dog\n')
  await programs.selectOption('describe')
  await expect(page.getByText('The input is a table: CSV')).toBeVisible()
  await expect(box).toHaveValue(/^weather,high,low\nrain,10.6,2.8\n/)
  await expect(page.getByLabel('Items', { exact: true })).toHaveValue('text')
  await programs.selectOption('penguins')
  await expect(box).toHaveValue(/\[\[39.1, 18.7, 181, 3750\]\]/)
  await expect(page.getByLabel('Items', { exact: true })).toHaveValue('json')
  await box.fill('[1]')
  await programs.selectOption('word_count')
  await page.getByRole('radio', { name: 'Write JavaScript' }).check()
  await expect(box).toHaveValue('[1]')
})

test('WEB-02 a file is taken where it is dropped, and one that misses does not replace the page', async () => {
  const { page } = await openForm()
  const drop = (selector: string, name: string, text: string): Promise<boolean> =>
    page.locator(selector).evaluate(
      (element, file) => {
        const dataTransfer = new DataTransfer()
        dataTransfer.items.add(new File([file.text], file.name))
        const how = { dataTransfer, bubbles: true, composed: true, cancelable: true }
        element.dispatchEvent(new DragEvent('dragover', how))
        return element.dispatchEvent(new DragEvent('drop', how))
      },
      { name, text },
    )
  await drop('#input-text', 'table.csv', 'a,b\n1,2\n')
  await expect(page.getByRole('radio', { name: 'File', exact: true })).toBeChecked()
  await expect(page.getByLabel('Items', { exact: true })).toHaveValue('csv')
  await drop('program-field fieldset', 'answer.mjs', 'export default () => 42')
  await expect(page.getByRole('radio', { name: 'Program file' })).toBeChecked()
  await expect(page.getByText('JavaScript, 23 bytes.')).toBeVisible()
  expect(await drop('network-card', 'other.txt', 'a')).toBe(false)
})

/** The same module with so many bytes more, which mean nothing. */
function withCustomSection(wasm: Uint8Array, bytes: number): Uint8Array {
  const size = [bytes & 0x7f, (bytes >> 7) & 0x7f, (bytes >> 14) & 0x7f, bytes >> 21].map((part, at) =>
    at < 3 ? part | 0x80 : part,
  )
  const section = new Uint8Array(bytes)
  section.set([1, 0x78])
  return Buffer.concat([wasm, Uint8Array.of(0, ...size), section])
}
