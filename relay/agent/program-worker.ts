import { parentPort, workerData } from 'node:worker_threads'
import type { ProgramRun, RunResult } from '../../shared/runtime/program-runner.ts'
import type { QuickJsModule } from '../../shared/runtime/quickjs-instance.ts'
import { createRuntime } from '../../shared/runtime/runtime.ts'
import { defaultLimits } from '../../shared/task/task.ts'

/** What the pool starts a worker with. */
export interface ProgramWorkerData {
  readonly quickJs: QuickJsModule
}

/** From the pool: one run at a time. From the worker: `null` when it is ready for its first, then one result per run. */
export type ProgramWorkerReply = RunResult | null

if (parentPort === null)
  throw new Error('program-worker.ts is started by the program pool, as a worker thread')
const port = parentPort
const { quickJs } = workerData as ProgramWorkerData
const runtime = createRuntime(quickJs)

port.on('message', async (run: ProgramRun) => {
  const result = await runtime.run(run)
  const reply: ProgramWorkerReply = result
  port.postMessage(reply, result.kind === 'ok' ? [result.output.buffer as ArrayBuffer] : [])
  await runtime.prepare(run.limits)
})
await runtime.prepare(defaultLimits)
port.postMessage(null satisfies ProgramWorkerReply)
