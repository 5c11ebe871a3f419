import { readFileSync } from 'node:fs'
import { expect, type Page, test } from '@playwright/test'
import { ProcessNetwork } from '../test/support/tabmesh-processes.ts'
import { RelayProcess } from './support/relay-process.ts'
import { Browsers, Tab } from './support/tabs.ts'

const browsers = new Browsers()
let relay: RelayProcess
let crew: ProcessNetwork

test.beforeAll(async () => {
  relay = await RelayProcess.start()
  crew = await ProcessNetwork.start(2)
})

test.afterAll(async () => {
  await browsers.end()
  await crew.close()
  await relay.end()
})

test.afterEach(async () => {
  await browsers.close()
})

/** On a relay that has no workers. */
const openTab = async (): Promise<Tab> => await Tab.open(await browsers.launch(), relay.url)

/** A lending tab beside two agents: the three workers that a job needs. */
async function openLender(): Promise<Tab> {
  const tab = await Tab.open(await browsers.launch(), crew.url)
  await tab.untilJoined()
  await tab.lend()
  return tab
}

const notice = (page: Page) => page.getByRole('main').getByRole('alert')

test('TSK-02 WEB-02 the built-in program counts the words of a real text', async () => {
  const tab = await openLender()
  const { page } = tab
  const file = new URL('../node_modules/vega-datasets/data/birdstrikes.csv', import.meta.url)
  const lines = readFileSync(file, 'utf8').split('\n', 30)
  await expect(page.getByRole('textbox', { name: 'Input text' })).toHaveValue('The cat and the dog\n')
  await page.getByRole('textbox', { name: 'Input text' }).fill(lines.join('\n'))
  await page.getByRole('button', { name: 'Run' }).click()
  await tab.untilEnded(60_000)
  expect((await tab.results()).map(({ output }) => output)).toEqual(lines.map(wordsOf))
})

/** The same counts by a plainer rule, which is enough for ASCII. */
function wordsOf(line: string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of line.toLowerCase().split(/[^a-z0-9]+/)) {
    if (word !== '') counts[word] = (counts[word] ?? 0) + 1
  }
  return counts
}

test.describe('bad input', () => {
  const cases = [
    {
      name: 'a program that throws',
      program: 'export default () => { throw new TypeError("no such column") }',
      says: 'Failed (thrown): TypeError: no such column',
    },
    { name: 'a program that does not parse', program: 'export default ((', says: 'Failed (invalidProgram)' },
    { name: 'a program without a default export', program: 'const a = 1', says: 'Failed (invalidProgram)' },
    {
      name: 'an answer that is not JSON',
      program: 'export default () => undefined',
      says: 'Failed (notJson)',
    },
  ]
  test('TSK-08 WEB-02 a program that fails ends its items failed, with a receipt and a reason', async () => {
    const tab = await openLender()
    for (const { name, program, says } of cases) {
      await test.step(name, async () => {
        await tab.run(program, { name: 'one.txt', text: 'one\ntwo\n' })
        await expect(tab.job.getByRole('cell', { name: says })).toHaveCount(2, { timeout: 30_000 })
        await expect(tab.job.getByRole('status', { name: 'Progress' })).toContainText(
          '2 of 2 done · 2 failed · 2 verified',
        )
        const receipt = tab.job.getByRole('status', { name: 'Receipt' })
        await expect(receipt).toContainText('All 2 items failed. Receipt valid: 2 tasks')
        await expect(receipt).toContainText('Trust “none given”: the signatures prove which keys answered')
        await expect(receipt).toHaveClass(/\bbad\b/)
      })
    }
  })

  test('WEB-02 a job of which a part failed shows both parts', async () => {
    const tab = await openLender()
    const program = 'export default (line) => { if (line === "two") throw new Error("no"); return line }'
    await tab.run(program, { name: 'some.txt', text: 'one\ntwo\nthree\nfour\n' })
    await tab.untilEnded(30_000)
    const receipt = tab.job.getByRole('status', { name: 'Receipt' })
    await expect(receipt).toContainText('1 item failed. Receipt valid: 4 tasks')
    await expect(receipt).not.toHaveClass(/\b(bad|good)\b/)
    const bar = tab.job.getByRole('progressbar', { name: 'Items done' })
    await expect(bar).toHaveAttribute('aria-valuenow', '4')
    const widths = () => bar.locator('span').evaluateAll((parts) => parts.map((part) => part.clientWidth))
    // It grows to them.
    await expect
      .poll(async () => {
        const [good, lost] = (await widths()) as [number, number]
        return good / lost
      })
      .toBeCloseTo(3, 1)
    await expect(tab.job.getByText('4 verified')).toHaveAttribute('title', /signatures were checked/)
  })

  test('WEB-02 a file that is no program is refused when it is chosen', async () => {
    const tab = await openTab()
    await tab.untilJoined()
    await tab.page.getByRole('radio', { name: 'Program file' }).check()
    await tab.page
      .locator('program-field input[type=file]')
      .setInputFiles({ name: 'a.wasm', mimeType: 'application/wasm', buffer: Buffer.from('<html>') })
    await expect(notice(tab.page)).toContainText('a.wasm is not what its name says')
    await tab.page.getByRole('button', { name: 'Run' }).click()
    await expect(notice(tab.page)).toHaveCount(2)
    await expect(notice(tab.page).filter({ hasText: 'a.wasm' })).toHaveCount(1)
    await expect(notice(tab.page).filter({ hasText: 'choose another file' })).toHaveCount(1)
    await expect(tab.job).toHaveCount(0)
  })

  test('STO-07 an item over 1 MB is answered as the others are', async () => {
    const tab = await openLender()
    await tab.run('export default (line) => line.length', {
      name: 'long.txt',
      text: `short\n${'x'.repeat(2 ** 20)}\n${'y'.repeat(20_000)}\n`,
    })
    await tab.untilEnded(30_000)
    expect((await tab.results()).map(({ output }) => output)).toEqual([5, 2 ** 20, 20_000])
  })

  const inputs = [
    { name: 'broken.json', text: '[1, 2', says: /The input cannot be read: .*JSON/ },
    { name: 'object.json', text: '{"a": 1}', says: 'The input cannot be read: not a JSON array' },
    { name: 'open.csv', text: 'a,b\n1,"2\n', says: 'a quoted field does not end' },
    { name: 'empty.txt', text: '', says: 'There is nothing to run on' },
    { name: 'empty.json', text: '\n', says: 'There is nothing to run on' },
  ]
  test('TSK-13 input that cannot be read is refused with what is wrong with it', async () => {
    const tab = await openTab()
    await tab.untilJoined()
    for (const { name, text, says } of inputs) {
      await test.step(name, async () => {
        await tab.run('export default (item) => item', { name, text })
        await expect(notice(tab.page)).toContainText(says)
      })
    }
  })

  test('WEB-02 a receipt that is none is called so', async () => {
    const tab = await openTab()
    await tab.untilJoined()
    expect(await tab.verdictOn('no json')).toMatch(/^invalid: /)
    await expect.poll(() => tab.verdictOn('{}')).toMatch(/^invalid: /)
  })

  test('WEB-02 a job is cancelled when asked', async () => {
    const tab = await openTab()
    await tab.untilJoined()
    await tab.run('export default (item) => item', { name: 'a.txt', text: 'a\nb\n' })
    await tab.job.getByRole('button', { name: 'Cancel' }).click()
    await expect(tab.job.getByRole('status', { name: 'Receipt' })).toHaveText('Cancelled.')
    await expect(tab.job.getByRole('table')).toHaveCount(0)
    await expect(tab.page.getByRole('button', { name: 'Run' })).toBeEnabled()
  })

  test('WEB-02 what became of the last job does not stand under what is wrong with the next', async () => {
    const tab = await openLender()
    await tab.run('export default (item) => item', { name: 'a.txt', text: 'a\n' })
    await tab.untilEnded(30_000)
    await tab.run('export default (item) => item', { name: 'a.json', text: '[1, 2' })
    await expect(notice(tab.page)).toContainText('The input cannot be read')
    await expect(tab.job).toHaveCount(0)
    await tab.page.getByText('Your jobs', { exact: true }).click()
    await tab.page.getByRole('list', { name: 'Your jobs' }).getByRole('button', { name: 'Done' }).click()
    await tab.untilEnded(30_000)
    await expect(notice(tab.page)).toHaveCount(0)
  })
})
