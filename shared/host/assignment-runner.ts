import { toHex } from '../kernel/bytes.ts'
import type { Hash, PeerId } from '../kernel/ids.ts'
import { Recent } from '../kernel/recent.ts'
import type { ProgramRunner, RunOptions, TimedResult } from '../runtime/program-runner.ts'
import { type BlobStore, blobBytesMax } from '../storage/blob-store.ts'
import type { Assignment } from '../task/messages.ts'
import { inlineBytesMax, type Payload } from '../task/payload.ts'
import type { Ran, WorkerAsk } from '../task/worker-ports.ts'
import type { BlobExchange } from './blob-exchange.ts'
import type { CryptoPort } from './crypto-port.ts'
import type { HostLog } from './host-log.ts'

/** Bytes of programs kept at hand; as many as the largest may have. */
const programBytesMax = 64 * 2 ** 20

const handBackReasons = { wallClock: 'wallClock', host: 'host', cancelled: 'host', busy: 'paused' } as const

type RunAsk = Omit<Extract<WorkerAsk, { type: 'run' }>, 'type'>

export interface AssignmentRunnerParts {
  readonly runner: ProgramRunner
  readonly blobs: BlobStore
  readonly exchange: BlobExchange
  readonly crypto: CryptoPort
  readonly clock: () => number
  readonly log: HostLog
  readonly ran: (runId: number, ran: Ran) => void
  /** The run waits for blobs, of which so many bytes have come; `began` follows when all is here. */
  readonly fetching: (runId: number, bytes: number) => void
  readonly began: (runId: number) => void
}

/** A run that was begun ahead of a free slot waits so long for one. */
const aheadMs = 1_000

/** What a run that waits for blobs has of each. */
type Fetched = Map<Hash, number>

/** Fetches what an assignment names, runs it in the sandbox and packs the outcome. */
export class AssignmentRunner {
  readonly #parts: AssignmentRunnerParts
  readonly #running = new Map<number, AbortController>()
  readonly #fetching = new Map<number, Fetched>()
  /** A job runs one program many times; reading and checking it each time would cost more than small tasks do. */
  readonly #programs = new Recent<Hash, Uint8Array>(programBytesMax, (program) => program.length)

  constructor(parts: AssignmentRunnerParts) {
    this.#parts = parts
    parts.exchange.onProgress(({ hash, receivedBytes }) => this.#progress(hash, receivedBytes))
  }

  start({ runId, from, assignment, isAhead }: RunAsk): void {
    const stop = new AbortController()
    this.#running.set(runId, stop)
    void this.#run(runId, from, assignment, stop.signal, isAhead ? { beginWithinMs: aheadMs } : {})
      .catch((error: unknown): Ran => {
        this.#parts.log('error', 'A run broke down in its host', { error: String(error) })
        return { kind: 'none', reason: 'host' }
      })
      .then((ran) => {
        if (this.#running.delete(runId)) this.#parts.ran(runId, ran)
      })
  }

  stop(runId: number): void {
    this.#running.get(runId)?.abort()
    this.#running.delete(runId)
  }

  stopAll(): void {
    for (const runId of [...this.#running.keys()]) this.stop(runId)
  }

  #progress(hash: Hash, bytes: number): void {
    for (const [runId, fetched] of this.#fetching) {
      if (!fetched.has(hash)) continue
      fetched.set(hash, bytes)
      let sum = 0
      for (const each of fetched.values()) sum += each
      this.#parts.fetching(runId, sum)
    }
  }

  async #run(
    runId: number,
    from: PeerId,
    { task, input }: Assignment,
    signal: AbortSignal,
    options: RunOptions,
  ): Promise<Ran> {
    const { exchange, runner } = this.#parts
    const fetched: Fetched = new Map([[task.programHash, 0]])
    if (input.kind === 'blob') fetched.set(input.hash, 0)
    this.#fetching.set(runId, fetched)
    const [program, inputBytes] = await Promise.all([
      this.#program(task.programHash, from),
      input.kind === 'inline' ? input.bytes : exchange.get(input.hash, from),
    ]).finally(() => this.#fetching.delete(runId))
    for (const bytes of fetched.values()) {
      if (bytes === 0) continue
      this.#parts.began(runId)
      break
    }
    if (program === undefined || inputBytes === undefined) return { kind: 'none', reason: 'host' }
    if (this.#hash(inputBytes) !== task.inputHash) return { kind: 'none', reason: 'unverifiable' }
    const result = await runner.run(
      {
        programHash: task.programHash,
        program,
        input: inputBytes,
        seed: task.seed,
        limits: task.limits,
      },
      signal,
      options,
    )
    return await this.#pack(result)
  }

  async #program(hash: Hash, from: PeerId): Promise<Uint8Array | undefined> {
    const known = this.#programs.get(hash)
    if (known !== undefined) return known
    const program = await this.#parts.exchange.get(hash, from)
    if (program !== undefined) this.#programs.set(hash, program)
    return program
  }

  async #pack(result: TimedResult): Promise<Ran> {
    const { clock, crypto } = this.#parts
    const durationMs = Math.round(result.durationMs)
    const common = { durationMs, at: new Date(clock()).toISOString(), salt: crypto.randomBytes(32) }
    switch (result.kind) {
      case 'ok': {
        // What cannot be handed over would keep the answers beside it from being taken, too.
        if (result.output.length > blobBytesMax) return { kind: 'none', reason: 'host' }
        const outcome = { kind: 'ok', outputHash: this.#hash(result.output) } as const
        return {
          kind: 'outcome',
          outcome,
          output: await this.#payload(result.output),
          error: null,
          ...common,
        }
      }
      case 'error':
        return {
          kind: 'outcome',
          outcome: { kind: 'error', error: result.error },
          output: null,
          error: { message: result.message.slice(0, 1_000), stack: result.stack?.slice(0, 4_000) ?? null },
          ...common,
        }
      case 'none':
        return { kind: 'none', reason: handBackReasons[result.reason] }
    }
  }

  async #payload(bytes: Uint8Array): Promise<Payload> {
    if (bytes.length <= inlineBytesMax) return { kind: 'inline', bytes }
    return { kind: 'blob', hash: await this.#parts.blobs.put(bytes), sizeBytes: bytes.length }
  }

  #hash(bytes: Uint8Array): Hash {
    return toHex(this.#parts.crypto.sha256(bytes)) as Hash
  }
}
