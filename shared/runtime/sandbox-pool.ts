import type { Hash } from '../kernel/ids.ts'
import { Recent } from '../kernel/recent.ts'
import type { Limits } from '../task/task.ts'
import type { Engine } from './program-kind.ts'
import { engineFor, programKind } from './program-kind.ts'
import type { ProgramRun, ProgramRunner, RunOptions, RunResult, TimedResult } from './program-runner.ts'
import { closed, Job } from './sandbox-job.ts'
import { type Sandbox, Slot } from './sandbox-slot.ts'

export interface SandboxPoolOptions {
  /** Sandboxes, each with one run at a time; from 1. */
  readonly slots: number
  /** Makes a sandbox at once; it loads its engine by itself and says when it is ready. */
  readonly spawn: (engine: Engine) => Sandbox
  /** So long after a sandbox was killed the next one is started, if no run wants it before; 0 when not given. */
  readonly respawnMs?: number
}

/** Runs that may wait for a slot; the next one is answered `none` at once. */
const waitingMax = 1_024

/**
 * Runs that are known to be short go to a sandbox together, as many as take so long and have so many bytes of input: for
 * those of a millisecond the messages there and back would be a tenth of the work.
 */
const togetherMs = 8
const togetherMax = 32
const togetherBytesMax = 256 * 1024
/** Programs whose pace is kept. */
const pacesMax = 64
/** How much of the mean a new turn makes. */
const share = 0.25

/** Starts the sandboxes and comes back when all are ready; rejects when one does not start. */
export async function createSandboxPool({
  slots,
  spawn,
  respawnMs = 0,
}: SandboxPoolOptions): Promise<ProgramRunner> {
  if (!Number.isInteger(slots) || slots < 1) throw new RangeError(`A pool needs 1 slot or more, not ${slots}`)
  const pool = new SandboxPool(slots, spawn, respawnMs)
  await pool.start()
  return pool
}

class SandboxPool implements ProgramRunner {
  readonly slots: number
  readonly #all: readonly Slot[]
  readonly #idle: Slot[]
  readonly #waiting: Job[] = []
  /** Milliseconds a run, by program. */
  readonly #paces = new Recent<Hash, number>(pacesMax)
  #closed = false

  constructor(slots: number, spawn: (engine: Engine) => Sandbox, respawnMs: number) {
    this.slots = slots
    this.#all = Array.from({ length: slots }, () => new Slot(spawn, respawnMs))
    this.#idle = [...this.#all]
  }

  async start(): Promise<void> {
    const failures = await Promise.all(this.#all.map((slot) => slot.start('guests')))
    const failure = failures.find((reason) => reason !== undefined)
    if (failure === undefined) return
    await this.close()
    throw new Error(`A sandbox for programs did not start: ${failure}`)
  }

  run(run: ProgramRun, signal: AbortSignal, { beginWithinMs }: RunOptions = {}): Promise<TimedResult> {
    const job = new Job(run, signal)
    if (this.#closed) job.end(closed)
    else if (this.#waiting.length >= waitingMax) job.end(tooMany)
    if (job.isOver) return job.ended
    void job.ended.then((result) => this.#note(run.programHash, result))
    if (beginWithinMs !== undefined) job.beginBy = performance.now() + beginWithinMs
    this.#wait('push', [job])
    return job.ended
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const job of this.#waiting.splice(0)) job.end(closed)
    await Promise.all(this.#all.map((slot) => slot.close()))
  }

  #wait(at: 'push' | 'unshift', jobs: readonly Job[]): void {
    for (const job of jobs) job.onCancel = () => this.#leave(job)
    this.#waiting[at](...jobs)
    this.#giveOut()
    for (const job of jobs)
      if (job.beginBy !== Number.POSITIVE_INFINITY && this.#waiting.includes(job)) this.#endUnlessBegun(job)
  }

  #endUnlessBegun(job: Job): void {
    const timer = setTimeout(() => {
      if (!this.#waiting.includes(job)) return
      this.#leave(job)
      job.end(busy)
    }, job.beginBy - performance.now())
    void job.ended.then(() => clearTimeout(timer))
  }

  #leave(job: Job): void {
    const at = this.#waiting.indexOf(job)
    if (at >= 0) this.#waiting.splice(at, 1)
  }

  #giveOut(): void {
    while (this.#idle.length > 0 && this.#waiting.length > 0) {
      const jobs = this.#next()
      void this.#serve(this.#takeIdle(jobs[0]!.run), jobs)
    }
  }

  /** Of the idle slots the one that can begin soonest. */
  #takeIdle({ program, programHash }: ProgramRun): Slot {
    const engine = engineFor(programKind(program))
    const best = this.#idle.find((slot) => slot.serves(engine, programHash)) ?? this.#idle[0]!
    this.#idle.splice(this.#idle.indexOf(best), 1)
    return best
  }

  async #serve(slot: Slot, jobs: readonly Job[]): Promise<void> {
    let again: readonly Job[] = []
    try {
      again = await slot.serve(jobs)
    } catch (error) {
      const message = `The program's sandbox broke down: ${String(error)}`
      for (const job of jobs) job.end({ kind: 'none', reason: 'host', message })
    }
    if (this.#closed) for (const job of again) job.end(closed)
    // Its company took so long that it has not begun in time.
    for (const job of again) if (job.beginBy <= performance.now()) job.end(busy)
    this.#idle.push(slot)
    this.#wait(
      'unshift',
      again.filter(({ isOver }) => !isOver),
    )
  }

  /** What has waited longest, with those right behind it that go with it: one slot does not take what others could. */
  #next(): readonly Job[] {
    const first = this.#waiting[0]!
    const { programHash, limits } = first.run
    const fairShare = Math.ceil(this.#waiting.length / this.slots)
    const runsMax = first.isAlone
      ? 1
      : Math.min(togetherMax, fairShare, togetherMs / this.#paceOf(programHash))
    let [runs, sizeBytes] = [0, 0]
    for (const { run, isAlone } of this.#waiting) {
      sizeBytes += run.input.length
      const fits = runs < runsMax && sizeBytes <= togetherBytesMax
      const goesWith = !isAlone && run.programHash === programHash && sameLimits(run.limits, limits)
      if (runs > 0 && !(fits && goesWith)) break
      runs++
    }
    return this.#waiting.splice(0, runs)
  }

  #paceOf(programHash: Hash): number {
    return this.#paces.get(programHash) ?? togetherMs
  }

  #note(programHash: Hash, { kind, durationMs }: TimedResult): void {
    if (kind === 'none') return
    const known = this.#paces.get(programHash)
    this.#paces.set(programHash, known === undefined ? durationMs : known + share * (durationMs - known))
  }
}

const busy: RunResult = { kind: 'none', reason: 'busy', message: 'No slot came free in time' }
const tooMany: RunResult = {
  kind: 'none',
  reason: 'host',
  message: `More than ${waitingMax} programs wait for a slot`,
}

function sameLimits(a: Limits, b: Limits): boolean {
  if (a === b) return true
  return (Object.keys(a) as (keyof Limits)[]).every((name) => a[name] === b[name])
}
