import { createRuntime } from '../../shared/runtime/runtime.ts'
import type { RunRequest, WorkerReply, WorkerStart } from '../../shared/runtime/sandbox-messages.ts'
import { defaultLimits } from '../../shared/task/task.ts'

/*
 * Runs programs, in a blob worker of a frame of opaque origin. The policy of the frame already refuses all of what is
 * taken away here, and a program is inside QuickJS besides; this is the third wall, for a fault in the other two.
 */
const unwanted = [
  'fetch',
  'XMLHttpRequest',
  'WebSocket',
  'WebSocketStream',
  'WebTransport',
  'EventSource',
  'importScripts',
  'indexedDB',
  'caches',
  'BroadcastChannel',
  'Worker',
  'SharedWorker',
  'Notification',
  'FileReaderSync',
  'FontFace',
  'navigator',
  'cookieStore',
] as const

self.onmessage = ({ data }: MessageEvent<WorkerStart>) => {
  self.onmessage = null
  const { quickJs, port } = data
  const runtime = createRuntime(quickJs)
  const reply = (message: WorkerReply, transfer: Transferable[]): void => port.postMessage(message, transfer)
  port.onmessage = async (event: MessageEvent<RunRequest>) => {
    const { id, run } = event.data
    const result = await runtime.run(run)
    reply({ kind: 'result', id, result }, result.kind === 'ok' ? [result.output.buffer as ArrayBuffer] : [])
    await runtime.prepare(run.limits)
  }
  void runtime.prepare(defaultLimits).then(() => reply({ kind: 'ready' }, []))
}

for (const name of unwanted) {
  for (let owner: object | null = self; owner !== null; owner = Object.getPrototypeOf(owner)) {
    if (Object.hasOwn(owner, name)) Reflect.deleteProperty(owner, name)
  }
  Object.defineProperty(self, name, { value: undefined, writable: false, configurable: false })
}
