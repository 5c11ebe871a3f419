import type { Hash } from '../kernel/ids.ts'
import type { Engine } from './program-kind.ts'
import { engineFor, programKind } from './program-kind.ts'
import type { ProgramRun, RunResult } from './program-runner.ts'
import { closed, type Job } from './sandbox-job.ts'
import { Turn } from './sandbox-turn.ts'

/** One place where programs run, apart from everything of ours: a worker thread, or a frame with its worker. */
export interface Sandbox {
  /** Resolves when the first run can be given; never rejects, see `ended`. */
  readonly ready: Promise<void>
  /** Resolves with the reason when the sandbox does not start or breaks down by itself. */
  readonly ended: Promise<string>
  /**
   * Runs of one program under the same limits, one after another; `came` gets their results in order, some at a time,
   * and none behind a result that is `none`. The next call is for when all have come. Throws when they cannot be given.
   */
  run(runs: readonly ProgramRun[], came: (results: readonly RunResult[]) => void): void
  /** Stops whatever runs, at once. The sandbox is of no use afterwards. */
  kill(): Promise<void>
}

/** A sandbox that takes longer to start is given up. ONNX Runtime has 3 MB to download first: 2 minutes at 200 kbit/s. */
const startMs: Readonly<Record<Engine, number>> = { guests: 20_000, onnx: 120_000 }

/**
 * Keeps one sandbox ready; one whose run gave no result is killed and replaced. A sandbox with ONNX Runtime serves one
 * model: a fault in the runtime that one model finds must not reach the answers of another.
 */
export class Slot {
  readonly #spawn: (engine: Engine) => Sandbox
  readonly #respawnMs: number
  #respawning: ReturnType<typeof setTimeout> | undefined
  #engine: Engine = 'guests'
  /** The one model that the sandbox has run. */
  #model: Hash | undefined
  #sandbox: Sandbox | undefined
  /** Of that sandbox: undefined when it is ready, or why it did not start. */
  #starting: Promise<string | undefined> | undefined
  #isReady = false
  #serving: readonly Job[] = []
  /** What of it is with the sandbox. */
  #turn: Turn | undefined
  #closed = false

  constructor(spawn: (engine: Engine) => Sandbox, respawnMs: number) {
    this.#spawn = spawn
    this.#respawnMs = respawnMs
  }

  serves(engine: Engine, programHash: Hash): boolean {
    return this.#engine === engine && (this.#model ?? programHash) === programHash
  }

  /** Undefined, or why the sandbox did not start. */
  async start(engine: Engine): Promise<string | undefined> {
    const sandbox = this.#current(engine)
    this.#starting ??= this.#start(sandbox, engine)
    return await this.#starting
  }

  async #start(sandbox: Sandbox, engine: Engine): Promise<string | undefined> {
    const { promise: late, resolve } = Promise.withResolvers<string>()
    const timer = setTimeout(() => resolve(`not ready after ${startMs[engine] / 1_000} s`), startMs[engine])
    const failure = await Promise.race([sandbox.ready.then(() => undefined), sandbox.ended, late])
    clearTimeout(timer)
    if (failure !== undefined) this.#drop(sandbox)
    else if (this.#sandbox === sandbox) this.#isReady = true
    return failure
  }

  /** Runs jobs of one program and limits. Gives back those that have to be given to a sandbox once more. */
  async serve(jobs: readonly Job[]): Promise<readonly Job[]> {
    this.#serving = jobs
    const { program, programHash } = jobs[0]!.run
    const engine = engineFor(programKind(program))
    if (this.#sandbox !== undefined && !this.serves(engine, programHash)) this.#drop(this.#sandbox)
    // What waits for a promise of the sandbox is kept as long as the sandbox is.
    const failure = this.#isReady ? undefined : await Promise.race([this.start(engine), allOver(jobs)])
    const left = jobs.filter(({ isOver }) => !isOver)
    if (failure !== undefined) left.shift()?.end(notStarted(failure))
    const sandbox = this.#sandbox
    // The others have a start of their own.
    if (left.length === 0 || sandbox === undefined || !this.#isReady) return left
    if (engine === 'onnx') this.#model = programHash
    const turn = new Turn(left, () => performance.now())
    this.#turn = turn
    turn.begin((runs, came) => sandbox.run(runs, came))
    const { isIntact, again } = await turn.ended
    this.#turn = undefined
    if (!isIntact) {
      this.#drop(sandbox)
      if (!this.#closed) this.#respawn(engine)
    }
    return again
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#respawning)
    for (const job of this.#serving) job.end(closed)
    this.#turn?.abandon()
    const sandbox = this.#sandbox
    this.#sandbox = undefined
    await sandbox?.kill()
  }

  #respawn(engine: Engine): void {
    if (this.#respawnMs === 0) return this.#spawnAhead(engine)
    clearTimeout(this.#respawning)
    this.#respawning = setTimeout(() => this.#spawnAhead(engine), this.#respawnMs)
  }

  #spawnAhead(engine: Engine): void {
    try {
      this.#current(engine)
    } catch {
      // The next run tries once more, and says what is wrong.
    }
  }

  #current(engine: Engine): Sandbox {
    clearTimeout(this.#respawning)
    if (this.#sandbox !== undefined) return this.#sandbox
    const sandbox = this.#spawn(engine)
    this.#engine = engine
    this.#starting = undefined
    this.#isReady = false
    this.#model = undefined
    this.#sandbox = sandbox
    void sandbox.ended.then((reason) => {
      if (this.#sandbox !== sandbox) return
      this.#turn?.broke(reason)
      this.#drop(sandbox)
    })
    return sandbox
  }

  #drop(sandbox: Sandbox): void {
    if (this.#sandbox === sandbox) {
      this.#sandbox = undefined
      this.#starting = undefined
      this.#isReady = false
    }
    void sandbox.kill()
  }
}

/** Resolves when every one of them has ended, as by being cancelled: their slot is free then. */
async function allOver(jobs: readonly Job[]): Promise<undefined> {
  await Promise.all(jobs.map(({ ended }) => ended))
  return undefined
}

function notStarted(failure: string): RunResult {
  return { kind: 'none', reason: 'host', message: `A sandbox for the program did not start: ${failure}` }
}
