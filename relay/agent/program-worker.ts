import { parentPort, workerData } from 'node:worker_threads'
import { createGuestRuntime } from '../../shared/runtime/guest-runtime.ts'
import type { EngineModule, WorkerReply } from '../../shared/runtime/sandbox-messages.ts'
import { serveRuns } from '../../shared/runtime/serve-runs.ts'
import { defaultLimits } from '../../shared/task/task.ts'

/** What the pool starts a worker with: QuickJS, or ONNX Runtime, compiled. */
export interface ProgramWorkerData {
  readonly engine: EngineModule
}

if (parentPort === null)
  throw new Error('program-worker.ts is started by the program pool, as a worker thread')
const port = parentPort
const { engine } = workerData as ProgramWorkerData
const runtime = createGuestRuntime(engine)
const post = (reply: WorkerReply, transfer: ArrayBuffer[]): void => port.postMessage(reply, transfer)

port.on('message', serveRuns(runtime, post))
await runtime.warmUp(defaultLimits)
post({ kind: 'ready' }, [])
