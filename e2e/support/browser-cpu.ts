import { readdir, readFile } from 'node:fs/promises'
import type { CDPSession } from '@playwright/test'

/** Linux counts CPU time in hundredths of a second, whatever its kernel ticks at (proc(5), USER_HZ). */
const ticksPerSecond = 100

/** A thread with this share of a core is at work; its neighbours on the machine may leave it no more. */
const busyShare = 0.05

const sampleMs = 100
/** A thread that had nothing for so long has stopped. */
const quietMs = 600

type CpuTimes = ReadonlyMap<string, number>

/** Seconds of CPU that each worker thread of the browser has had; where there is no /proc, each process. */
async function cpuTimes(browser: CDPSession): Promise<CpuTimes> {
  const { processInfo } = await browser.send('SystemInfo.getProcessInfo')
  if (process.platform !== 'linux')
    return new Map(processInfo.map(({ id, cpuTime }) => [String(id), cpuTime]))
  const times = new Map<string, number>()
  for (const { id } of processInfo) {
    const folder = `/proc/${id}/task`
    for (const thread of await readdir(folder).catch(() => [])) {
      const stat = await readFile(`${folder}/${thread}/stat`, 'utf8').catch(() => '')
      if (!stat.includes('(DedicatedWorker')) continue
      // Behind the name, which may hold anything, utime and stime are the 12th and 13th.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      times.set(`${id}/${thread}`, (Number(fields[11]) + Number(fields[12])) / ticksPerSecond)
    }
  }
  return times
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Worker threads of the browser that are at work, seen over half a second. */
export async function busyThreads(browser: CDPSession): Promise<readonly string[]> {
  const [start, before] = [performance.now(), await cpuTimes(browser)]
  await wait(500)
  const after = await cpuTimes(browser)
  const seconds = (performance.now() - start) / 1_000
  return [...after.keys()].filter(
    (thread) => (after.get(thread) ?? 0) - (before.get(thread) ?? 0) > busyShare * seconds,
  )
}

/** Milliseconds from `start`, of performance.now(), until the last of these threads was at work; Infinity after 30 s. */
export async function msUntilStopped(
  browser: CDPSession,
  threads: readonly string[],
  start: number,
): Promise<number> {
  let times = await cpuTimes(browser)
  let lastMs = performance.now() - start
  for (;;) {
    await wait(sampleMs)
    const now = await cpuTimes(browser)
    const ms = performance.now() - start
    // A thread that is gone has no time any more.
    if (threads.some((thread) => (now.get(thread) ?? 0) > (times.get(thread) ?? 0))) lastMs = ms
    if (ms - lastMs > quietMs) return lastMs
    if (ms > 30_000) return Number.POSITIVE_INFINITY
    times = now
  }
}
