import type { BlobProgress } from '../../shared/host/blob-fetch.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import type { EngineDownload } from '../sandbox/frame-runner.ts'

/** Something that is on its way to this tab, for others' work. */
export interface DownloadState {
  readonly what: 'onnxEngine' | 'program' | 'input'
  /** Of an engine as they are when unpacked: fewer are sent. */
  readonly receivedBytes: number
  readonly totalBytes: number
}

/** What is here within the blink of an eye is not worth a word, in bytes. */
const toldBytesMin = 512 * 1024
/** One that stands still this long was given up, or is being begun anew, in ms. */
const staleMs = 15_000

export interface DownloadsParts {
  /** What a blob is to the work that this tab holds; nothing when it is for its own jobs. */
  readonly wantedAs: (hash: Hash) => 'program' | 'input' | undefined
  /** How large ONNX Runtime is, unpacked. */
  readonly onnxBytes: number
  readonly changed: () => void
  readonly clock?: () => number
}

/** What contributing makes this tab download now. */
export class Downloads {
  readonly #parts: DownloadsParts
  readonly #clock: () => number
  readonly #open = new Map<string, DownloadState & { readonly at: number }>()

  constructor(parts: DownloadsParts) {
    this.#parts = parts
    this.#clock = parts.clock ?? Date.now
  }

  get all(): readonly DownloadState[] {
    const now = this.#clock()
    return [...this.#open.values()]
      .filter(({ at }) => now - at < staleMs)
      .map(({ what, receivedBytes, totalBytes }) => ({ what, receivedBytes, totalBytes }))
  }

  blob({ hash, receivedBytes, totalBytes }: BlobProgress): void {
    const what = totalBytes < toldBytesMin ? undefined : this.#parts.wantedAs(hash)
    if (what === undefined || receivedBytes >= totalBytes) return this.#end(hash)
    this.#note(hash, { what, receivedBytes, totalBytes })
  }

  engine({ engine, receivedBytes, isOver }: EngineDownload): void {
    // The other engine is small, and no sandbox is there before it is.
    if (engine !== 'onnx') return
    if (isOver) return this.#end(engine)
    this.#note(engine, { what: 'onnxEngine', receivedBytes, totalBytes: this.#parts.onnxBytes })
  }

  #note(key: string, state: DownloadState): void {
    this.#open.set(key, { ...state, at: this.#clock() })
    this.#parts.changed()
  }

  #end(key: string): void {
    if (this.#open.delete(key)) this.#parts.changed()
  }
}
