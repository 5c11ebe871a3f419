import type { Hash } from '../kernel/ids.ts'
import { Recent } from '../kernel/recent.ts'
import type { ProgramRun, RunResult } from './program-runner.ts'
import type { RunRequest, WorkerReply } from './sandbox-messages.ts'
import { programsHeld } from './sandbox-messages.ts'

/** What runs programs inside a sandbox, one at a time. */
export interface Runtime {
  /** Never rejects. */
  run(run: ProgramRun): Promise<RunResult>
  /** Makes ahead what the next run is likely to need, after a run; never rejects. */
  prepare(after: ProgramRun): Promise<void>
}

type Post = (reply: WorkerReply, transfer: ArrayBuffer[]) => void

/** Results wait so long, and up to so many bytes of output, for those of the next runs to go with them. */
const gatherMs = 4
const gatherBytes = 256 * 1024
/** An output of less is copied sooner than handed over. */
const transferBytesMin = 16 * 1024

/** The worker's end of a conversation: answers each request by `post`. */
export function serveRuns(runtime: Runtime, post: Post): (request: RunRequest) => Promise<void> {
  const held = new Recent<Hash, Uint8Array>(programsHeld)
  return async ({ id, programHash, program: sent, limits, inputs, inputEnds, seeds }) => {
    const replies = new Replies(id, post)
    const program = sent ?? held.get(programHash)
    if (program === undefined) {
      const message = 'The sandbox does not hold the program that it was asked to run'
      return replies.last({ kind: 'none', reason: 'host', message })
    }
    if (sent !== undefined) held.set(programHash, sent)
    for (const [at, seed] of seeds.entries()) {
      const input = inputs.slice(inputEnds[at - 1] ?? 0, inputEnds[at])
      const run = { programHash, program, input, seed, limits }
      const result = await runtime.run(run)
      const isLast = at === seeds.length - 1 || result.kind === 'none'
      if (isLast) replies.last(result)
      else replies.add(result)
      await runtime.prepare(run)
      if (isLast) return
    }
  }
}

/** Those of one request. */
class Replies {
  readonly #id: number
  readonly #post: Post
  #results: RunResult[] = []
  #outputBytes = 0
  #since = performance.now()

  constructor(id: number, post: Post) {
    this.#id = id
    this.#post = post
  }

  add(result: RunResult): void {
    this.#results.push(result)
    if (result.kind === 'ok') this.#outputBytes += result.output.length
    if (performance.now() - this.#since >= gatherMs || this.#outputBytes >= gatherBytes) this.#send()
  }

  last(result: RunResult): void {
    this.#results.push(result)
    this.#send()
  }

  #send(): void {
    const results = this.#results
    const transfer = results.flatMap((result) =>
      result.kind === 'ok' && result.output.length >= transferBytesMin
        ? [result.output.buffer as ArrayBuffer]
        : [],
    )
    this.#results = []
    this.#outputBytes = 0
    this.#since = performance.now()
    this.#post({ kind: 'results', id: this.#id, results }, transfer)
  }
}
