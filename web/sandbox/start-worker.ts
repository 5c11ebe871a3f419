import type { FrameStart, WorkerStart } from '../../shared/runtime/sandbox-messages.ts'

/*
 * The whole script of a sandbox page but for its worker and its engine. It starts the worker and steps aside: no
 * program ever runs on this thread, which a browser may share between frames.
 */

/** No policy refuses these in every browser; nothing of ours uses them. */
const waysOut = ['RTCPeerConnection', 'webkitRTCPeerConnection', 'WebTransport', 'open'] as const

/** Waits for the app's word, compiles the engine and hands it to a worker with this source. */
export function startWorker(
  workerSource: string,
  compile: (engine: Uint8Array<ArrayBuffer>) => Promise<WebAssembly.Module>,
): void {
  for (const name of waysOut) {
    Reflect.deleteProperty(window, name)
    Object.defineProperty(window, name, { value: undefined, writable: false, configurable: false })
  }
  const start = async ({ engine, frame, worker: port }: FrameStart): Promise<void> => {
    try {
      const compiled = await compile(engine as Uint8Array<ArrayBuffer>)
      const source = new Blob([workerSource], { type: 'text/javascript' })
      const worker = new Worker(URL.createObjectURL(source))
      worker.onerror = (event) => frame.postMessage(`the worker failed: ${event.message}`)
      const message: WorkerStart = { engine: compiled, port }
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
}
