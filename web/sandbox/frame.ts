import workerSource from 'virtual:program-worker'
import { compileQuickJs } from '../../shared/runtime/quickjs-instance.ts'
import type { FrameStart, WorkerStart } from '../../shared/runtime/sandbox-messages.ts'

/*
 * The whole script of sandbox.html. It starts the worker and steps aside: no program ever runs on this thread, which a
 * browser may share between frames.
 */
async function start({ quickJs, frame, worker: port }: FrameStart): Promise<void> {
  try {
    const compiled = await compileQuickJs(quickJs)
    const worker = new Worker(URL.createObjectURL(new Blob([workerSource], { type: 'text/javascript' })))
    worker.onerror = (event) => frame.postMessage(`the worker failed: ${event.message}`)
    const message: WorkerStart = { quickJs: compiled, port }
    worker.postMessage(message, [port])
  } catch (error) {
    frame.postMessage(String(error))
  }
}

const listen = (event: MessageEvent<FrameStart>): void => {
  if (event.source !== window.parent) return
  window.removeEventListener('message', listen)
  void start(event.data)
}
if (window.parent !== window) window.addEventListener('message', listen)
