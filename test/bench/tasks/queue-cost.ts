import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BenchOptions, Findings } from '../bench.ts'
import { resultOf } from '../result.ts'
import { BenchProcess } from './bench-process.ts'
import { compete, scaled } from './contest.ts'
import type { QueueGiven } from './roles/queue.ts'
import { cpuMsOf, type Spent } from './spent.ts'

const levels = { short: 1_000, long: 100_000 }
const tasksPerRound = 4_000
/** A long queue may cost a quarter more. */
const flatRatio = { ratioMin: 0.8 }

/** Whether a task costs the same however many wait. */
export async function measureQueue(options: BenchOptions): Promise<Findings> {
  const folder = await mkdtemp(join(tmpdir(), 'tabmesh-bench-'))
  const processes: BenchProcess[] = []
  const queueOf = async (level: number): Promise<BenchProcess> => {
    const given: QueueGiven = { folder, level: scaled(level, options) }
    const process = await BenchProcess.start('queue', given)
    processes.push(process)
    return process
  }
  try {
    options.progress(`a task among ${levels.short} and among ${levels.long}`)
    const contenders = {
      short: contender(await queueOf(levels.short)),
      long: contender(await queueOf(levels.long)),
    }
    const tasks = scaled(tasksPerRound, options)
    const spent = await compete(contenders, { short: tasks, long: tasks }, options.runs)
    const cost = (each: Spent): number => cpuMsOf(each) / each.pieces
    const result = resultOf({
      name: `queue processor time of a task among ${levels.long}`,
      unit: 'ms',
      samples: spent.long.map(cost),
      baseline: { name: `among ${levels.short}`, samples: spent.short.map(cost) },
      target: flatRatio,
    })
    return { results: [result], missing: [] }
  } finally {
    for (const process of processes) await process.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

const contender = (process: BenchProcess) => ({
  spenders: [process].map((one) => ({ name: one.role, cpuMs: () => one.cpuMs() })),
  work: (tasks: number) => process.ask<number>('work', { tasks }),
})
