import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PlainBrowser } from '../../e2e/support/devtools.ts'
import { PlainTab } from '../../e2e/support/plain-tab.ts'
import { ProcessNetwork } from '../support/tabmesh-processes.ts'
import { record } from './record.ts'

/** Spins for about half a minute, twice a lease. */
const program =
  'export default (line) => { let n = 0; for (let i = 0; i < 6e8; i++) n += i % 7; return line + n }'

/** A timer of the page itself, and the longest time that it has waited so far. */
const watchTimers = `{
  let last = performance.now()
  window.waitedMs = 0
  const tick = () => {
    window.waitedMs = Math.max(window.waitedMs, performance.now() - last)
    last = performance.now()
    setTimeout(tick, 500)
  }
  tick()
}`

/** With two agents and this tab the task needs the tab, and there is nobody that its work could go to. */
test('TSK-06 a hidden tab whose timers the browser holds back for a minute keeps its lease', async () => {
  const network = await ProcessNetwork.start(2)
  const browser = await PlainBrowser.launch()
  try {
    const tab = await PlainTab.openLender(browser, network.url)
    await tab.page.value(watchTimers)
    await browser.open('about:blank')
    // Chromium waits for one minute before it holds timers back for one.
    await expect
      .poll(() => tab.page.value('window.waitedMs'), { timeout: 240_000, interval: 5_000 })
      .toBeGreaterThan(50_000)
    const files = { program: join(network.data, 'spin.js'), input: join(network.data, 'lines.txt') }
    await writeFile(files.program, program)
    await writeFile(files.input, 'one\n')
    const startedAt = performance.now()
    const job = network.submit(
      ...['--type', 'javascript', '--program', files.program, '--input', files.input, '--map', 'lines'],
      ...['--fuel', '1000000000000', '--max-duration', '600', '--json'],
    )
    const { code, stderr } = await job.ended
    expect(code, stderr).toBe(0)
    const seconds = Math.round((performance.now() - startedAt) / 1_000)
    const { executions } = JSON.parse(stderr.trim().split('\n').at(-1)!) as { executions: number }
    await expect.poll(async () => (await tab.state())?.counters.answered, { timeout: 120_000 }).toBe(1)
    const pageTimerWaitedMs = Math.round(Number(await tab.page.value('window.waitedMs')))
    record('hidden-tab', { seconds, executions, pageTimerWaitedMs })
    expect(seconds).toBeGreaterThan(15)
    expect(executions).toBe(3)
    expect(await tab.page.value('document.visibilityState')).toBe('hidden')
  } finally {
    await browser.close()
    await network.close()
  }
}, 1_200_000)
