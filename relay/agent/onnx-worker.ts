import { parentPort, workerData } from 'node:worker_threads'
import { createOnnxRuntime } from '../../shared/runtime/onnx/onnx-runtime.ts'
import type { WorkerReply } from '../../shared/runtime/sandbox-messages.ts'
import { serveRuns } from '../../shared/runtime/serve-runs.ts'
import type { ProgramWorkerData } from './program-worker.ts'

if (parentPort === null) throw new Error('onnx-worker.ts is started by the program pool, as a worker thread')
const port = parentPort
const { engine } = workerData as ProgramWorkerData
const runtime = await createOnnxRuntime(engine)
const post = (reply: WorkerReply, transfer: ArrayBuffer[]): void => port.postMessage(reply, transfer)

port.on('message', serveRuns(runtime, post))
post({ kind: 'ready' }, [])
