import { parentPort, workerData } from 'node:worker_threads'
import type { QuickJsModule } from '../../shared/runtime/quickjs-instance.ts'
import { createRuntime } from '../../shared/runtime/runtime.ts'
import type { RunRequest, WorkerReply } from '../../shared/runtime/sandbox-messages.ts'
import { defaultLimits } from '../../shared/task/task.ts'

/** What the pool starts a worker with. */
export interface ProgramWorkerData {
  readonly quickJs: QuickJsModule
}

if (parentPort === null)
  throw new Error('program-worker.ts is started by the program pool, as a worker thread')
const port = parentPort
const { quickJs } = workerData as ProgramWorkerData
const runtime = createRuntime(quickJs)

const reply = (message: WorkerReply, transfer: ArrayBuffer[]): void => port.postMessage(message, transfer)

port.on('message', async ({ id, run }: RunRequest) => {
  const result = await runtime.run(run)
  reply({ kind: 'result', id, result }, result.kind === 'ok' ? [result.output.buffer as ArrayBuffer] : [])
  await runtime.prepare(run.limits)
})
await runtime.prepare(defaultLimits)
reply({ kind: 'ready' }, [])
