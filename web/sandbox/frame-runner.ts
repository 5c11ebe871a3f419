import quickJsUrl from '@jitl/quickjs-wasmfile-release-sync/wasm?url'
import onnxUrl from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url'
import type { Engine } from '../../shared/runtime/program-kind.ts'
import type { ProgramRun, ProgramRunner, RunResult } from '../../shared/runtime/program-runner.ts'
import type { FrameStart } from '../../shared/runtime/sandbox-messages.ts'
import { RunConversation } from '../../shared/runtime/sandbox-messages.ts'
import { createSandboxPool } from '../../shared/runtime/sandbox-pool.ts'
import type { Sandbox } from '../../shared/runtime/sandbox-slot.ts'

/** Bytes of an engine that have come so far. */
export interface EngineDownload {
  readonly engine: Engine
  readonly receivedBytes: number
  /** All of it is here, or it broke off. */
  readonly isOver: boolean
}

export interface FrameRunnerOptions {
  /** Hidden frames, each with one run at a time; from 1. */
  readonly slots: number
  /** Where the sandbox's pages are, of this origin, each served with the policy in its .csp file. */
  readonly sandboxUrls?: Readonly<Record<Engine, string>>
  readonly onDownload?: (download: EngineDownload) => void
}

const defaultUrls = { guests: '/sandbox.html', onnx: '/sandbox-onnx.html' }
const engineUrls: Readonly<Record<Engine, string>> = { guests: quickJsUrl, onnx: onnxUrl }

/**
 * Frames of one page share a process. With the last of them it ends, and whatever ran in it at once; while another is
 * there, Chromium gives a worker 2 s to end by itself before it makes it, and what starts meanwhile takes its cores.
 */
const respawnMs = 2_500

/**
 * Starts the frames and comes back when all are ready. Rejects when the engine cannot be loaded or a frame does not
 * start; the page's own policy has to allow the frame (`frame-src 'self'`). ONNX Runtime is loaded with the first
 * model.
 */
export async function createFrameRunner(options: FrameRunnerOptions): Promise<ProgramRunner> {
  const { slots, sandboxUrls = defaultUrls, onDownload = () => {} } = options
  const loaded = new Map<Engine, Promise<Uint8Array>>()
  const load = (engine: Engine): Promise<Uint8Array> => {
    const known = loaded.get(engine) ?? fetchEngine(engine, onDownload)
    loaded.set(engine, known)
    known.catch(() => loaded.delete(engine))
    return known
  }
  return createSandboxPool({
    slots,
    spawn: (engine) => new FrameSandbox(sandboxUrls[engine], load(engine)),
    respawnMs,
  })
}

async function fetchEngine(
  engine: Engine,
  onDownload: (download: EngineDownload) => void,
): Promise<Uint8Array> {
  const url = engineUrls[engine]
  const response = await fetch(url)
  if (!response.ok || response.body === null)
    throw new Error(`The program engine could not be loaded: HTTP ${response.status} from ${url}`)
  let receivedBytes = 0
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        receivedBytes += chunk.length
        onDownload({ engine, receivedBytes, isOver: false })
        controller.enqueue(chunk)
      },
    }),
  )
  try {
    return new Uint8Array(await new Response(counted).arrayBuffer())
  } finally {
    onDownload({ engine, receivedBytes, isOver: true })
  }
}

/** A worker says that it is ready, and answers each run once. One that says more than this besides before the next is not ours. */
const unaskedMax = 16

/** What a frame says about a failure is its own text: at most this much of it is kept. */
const reasonLengthMax = 200

/** A frame of opaque origin with a worker in it. Taking the frame out of the page stops the worker at once. */
class FrameSandbox implements Sandbox {
  readonly ready: Promise<void>
  readonly ended: Promise<string>
  readonly #element: HTMLIFrameElement
  readonly #port: MessagePort
  readonly #framePort: MessagePort
  readonly #conversation = new RunConversation()
  readonly #end: (reason: string) => void
  #heard = 0
  /** It may have said so much by then. */
  #heardMax = 1 + unaskedMax

  constructor(sandboxUrl: string, engine: Promise<Uint8Array>) {
    const frame = new MessageChannel()
    const worker = new MessageChannel()
    const ended = Promise.withResolvers<string>()
    this.ready = this.#conversation.ready
    this.ended = ended.promise
    this.#end = ended.resolve
    this.#port = worker.port1
    this.#framePort = frame.port1
    frame.port1.onmessage = ({ data }: MessageEvent<unknown>) =>
      ended.resolve(String(data).slice(0, reasonLengthMax))
    worker.port1.onmessage = (event) => this.#hear(event)
    window.addEventListener('message', this.#refuse)
    this.#element = hiddenFrame(sandboxUrl)
    this.#element.onload = () => {
      // A second load means that the frame went elsewhere, and whatever is in it now is not ours.
      this.#element.onload = () => ended.resolve('its frame was loaded again')
      engine.then(
        (bytes) => {
          const start: FrameStart = { engine: bytes, frame: frame.port2, worker: worker.port2 }
          // The frame's origin is opaque, so that no other target names it.
          this.#element.contentWindow?.postMessage(start, '*', [frame.port2, worker.port2])
        },
        (error: unknown) => ended.resolve(error instanceof Error ? error.message : String(error)),
      )
    }
    document.body.append(this.#element)
  }

  run(runs: readonly ProgramRun[], came: (results: readonly RunResult[]) => void): void {
    this.#heardMax = this.#heard + runs.length + unaskedMax
    this.#conversation.run(runs, came, (request, transfer) => this.#port.postMessage(request, transfer))
  }

  kill(): Promise<void> {
    this.#element.onload = null
    this.#element.remove()
    window.removeEventListener('message', this.#refuse)
    this.#port.close()
    this.#framePort.close()
    return Promise.resolve()
  }

  /** What comes after too much is dropped unread: a flood would keep the app's thread from everything else. */
  #hear(event: MessageEvent<unknown>): void {
    if (++this.#heard <= this.#heardMax) return this.#conversation.receive(event.data)
    this.#port.close()
    this.#end('it sent messages that nobody asked for')
  }

  /** A frame has its ports and says nothing to the window. */
  readonly #refuse = ({ source }: MessageEvent<unknown>): void => {
    if (source === this.#element.contentWindow) this.#end('it sent messages that nobody asked for')
  }
}

function hiddenFrame(url: string): HTMLIFrameElement {
  const frame = document.createElement('iframe')
  // Without allow-same-origin the frame has an origin of its own, with no store and no cookies.
  frame.setAttribute('sandbox', 'allow-scripts')
  frame.setAttribute('aria-hidden', 'true')
  frame.referrerPolicy = 'no-referrer'
  frame.tabIndex = -1
  frame.hidden = true
  frame.src = url
  return frame
}
