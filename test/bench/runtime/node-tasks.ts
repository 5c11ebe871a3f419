import { createProgramPool } from '../../../relay/agent/program-pool.ts'
import type { BenchOptions, Findings } from '../bench.ts'
import { type BenchResult, type Missing, resultOf } from '../result.ts'
import { echoTimes } from './echo-worker.ts'
import type { TaskKind } from './empty-programs.ts'
import { taskResults, tasksPerBatch, timeTasks } from './task-times.ts'

const warmUpTasks = 100
/** A cold start is a thread, an engine and a program's first run: fewer of them say enough. */
const coldRunsMax = 5

/** Overhead of a task in a slot of the agent: a worker thread. */
export async function measureNodeTasks({ runs, progress }: BenchOptions): Promise<Findings> {
  const results: BenchResult[] = []
  const missing: Missing[] = []
  const kinds: readonly TaskKind[] = ['wasi', 'javascript', 'onnx']
  const starts: number[] = []
  for (const kind of kinds) {
    progress(`Node: ${kind} tasks`)
    try {
      const first: number[] = []
      for (let i = 0; i < Math.min(runs, coldRunsMax); i++) {
        const start = performance.now()
        const pool = await createProgramPool({ slots: 1 })
        starts.push(performance.now() - start)
        first.push(...(await timeTasks(pool, kind, 1)))
        await pool.close()
      }
      results.push(...taskResults('node', kind, { warm: await warmBatches(kind, runs), first }))
    } catch (error) {
      missing.push({ name: `node task ${kind}`, reason: String(error) })
    }
  }
  results.push(resultOf({ name: 'node slot start', unit: 'ms', samples: starts }))
  progress('Node: bare worker thread')
  const samples = await echoTimes(Math.max(200, warmUpTasks + runs * tasksPerBatch))
  results.push(
    resultOf({ name: 'node bare thread round trip', unit: 'ms', samples: samples.slice(warmUpTasks) }),
  )
  return { results, missing }
}

async function warmBatches(kind: TaskKind, runs: number): Promise<readonly (readonly number[])[]> {
  const pool = await createProgramPool({ slots: 1 })
  try {
    await timeTasks(pool, kind, warmUpTasks)
    const batches: number[][] = []
    for (let i = 0; i < runs; i++) batches.push(await timeTasks(pool, kind, tasksPerBatch))
    return batches
  } finally {
    await pool.close()
  }
}
