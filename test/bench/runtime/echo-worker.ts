import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

const role = 'tabmesh-bench-echo'

/** Milliseconds of so many messages to a worker thread that does nothing and back: no task can take less. */
export async function echoTimes(count: number): Promise<number[]> {
  const worker = new Worker(new URL(import.meta.url), { workerData: role })
  const times: number[] = []
  try {
    for (let i = 0; i < count; i++) {
      const start = performance.now()
      const reply = once(worker, 'message')
      worker.postMessage({ id: i, input: new Uint8Array(4) })
      await reply
      times.push(performance.now() - start)
    }
  } finally {
    await worker.terminate()
  }
  return times
}

if (!isMainThread && workerData === role)
  parentPort!.on('message', (data: unknown) => parentPort!.postMessage(data))
