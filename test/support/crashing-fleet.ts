import type { PeerId, TaskId } from '../../shared/kernel/ids.ts'
import { Random } from '../../shared/kernel/random.ts'
import { StorageError } from '../../shared/storage/store.ts'
import type { FinishedTask, Submission } from '../../shared/task/messages.ts'
import { FleetProcess } from './fleet-process.ts'
import { type Death, DiskProcess, SharedDisk } from './shared-disk.ts'
import { peerId } from './task-fixtures.ts'

export interface CrashingFleetInit {
  readonly seed: number
  /** Longest way of a request to the server, in ms. */
  readonly requestMsMax: number
}

export const leaseMs = 3_000

/** Relays on one store that can be killed and stopped at any moment, and what they told. Time is that of fake timers. */
export class CrashingFleet {
  readonly disk = new SharedDisk()
  readonly acknowledged = new Set<TaskId>()
  /** Ends as they were told, per task. */
  readonly told = new Map<TaskId, FinishedTask[]>()
  /** Ends as they were ever written, per task: more than one is a task that completed twice. */
  readonly written = new Map<string, Set<string>>()
  readonly wrong: string[] = []
  /** Longest that a worker takes for a task, in ms. */
  runMsMax = 2_000
  /** How often a relay ended by itself. */
  fenced = 0
  readonly #init: CrashingFleetInit
  readonly #random: Random
  readonly #processes = new Map<number, FleetProcess>()

  constructor(init: CrashingFleetInit) {
    this.#init = init
    this.#random = new Random(init.seed)
    this.disk.onChange = ({ key, value }) => {
      const [, , , kind, , , taskId] = key.split('/')
      if (value === undefined || kind !== 'done') return
      const ends = this.written.get(taskId!) ?? new Set()
      this.written.set(taskId!, ends.add(Buffer.from(value).toString('base64')))
    }
  }

  relayId(n: number): PeerId {
    return peerId(100 + n)
  }

  process(n: number): FleetProcess | undefined {
    const process = this.#processes.get(n)
    return process?.isDead === false ? process : undefined
  }

  /** The latest process of the relay, dead or alive. */
  lastOf(n: number): FleetProcess | undefined {
    return this.#processes.get(n)
  }

  get joined(): number[] {
    return [...this.#processes.keys()].filter((n) => this.process(n)?.hasJoined)
  }

  /** Starts a process of the relay; `death` is when it dies. Nothing happens where it runs. */
  start(n: number, death?: Death): FleetProcess {
    const running = this.process(n)
    if (running !== undefined) return running
    const { requestMsMax } = this.#init
    const disk = new DiskProcess({
      disk: this.disk,
      delayMs: () => this.#random.below(requestMsMax + 1),
      survives: () => this.#random.below(2) === 0,
      death,
      died: () => process.kill(),
    })
    const process = new FleetProcess({
      disk: this.disk,
      process: disk,
      self: this.relayId(n),
      leaseMs,
      runMs: () => this.#random.below(this.runMsMax),
      told: (finished) => {
        const { taskId } = finished.task
        this.told.set(taskId, [...(this.told.get(taskId) ?? []), finished])
      },
      wrong: (what) => this.wrong.push(what),
      ended: (error) => {
        if (error instanceof StorageError && error.code === 'Fenced') this.fenced++
        else this.wrong.push(`relay ${n} ended: ${error}`)
      },
    })
    this.#processes.set(n, process)
    void process.start()
    return process
  }

  kill(n: number): void {
    this.process(n)?.kill()
  }

  beat(): void {
    for (const n of this.joined) this.process(n)!.beat()
  }

  /** A client hands in what is not acknowledged yet, each job at some relay that answers. */
  submit(submissions: readonly Submission[]): void {
    const jobs = Map.groupBy(submissions, ({ task }) => task.jobId ?? task.taskId)
    for (const items of jobs.values()) {
      if (items.every(({ task }) => this.acknowledged.has(task.taskId)) || this.joined.length === 0) continue
      const process = this.process(this.joined[this.#random.below(this.joined.length)]!)!
      void process.submit(items).then((accepted) => {
        if (accepted !== 'elsewhere') for (const taskId of accepted) this.acknowledged.add(taskId)
      })
    }
  }

  /** Relays that have a row of the task. */
  holders(taskId: TaskId): string[] {
    return [...new Set(this.#rowsOf(taskId).map((key) => key.split('/')[1]!))]
  }

  #rowsOf(taskId: TaskId): string[] {
    return this.disk.keys('relay/').filter((key) => key.endsWith(`/${taskId}`))
  }

  /** What is not as it must be after everything has come to rest, with each of the tasks accepted. */
  faults(submissions: readonly Submission[]): string[] {
    const faults = [...this.wrong]
    for (const { task } of submissions) {
      const { taskId } = task
      const ends = this.told.get(taskId) ?? []
      if (!this.acknowledged.has(taskId)) faults.push(`${taskId} was not accepted`)
      if (!this.#rowsOf(taskId).some((key) => key.includes('/done/'))) faults.push(`${taskId} did not end`)
      if (ends.some(({ status }) => status !== 'completed')) faults.push(`${taskId} did not complete`)
      const times = this.written.get(taskId)?.size ?? 0
      if (times !== 1) faults.push(`${taskId} has ${times} completions on record`)
      const holders = this.holders(taskId)
      if (holders.length !== 1) faults.push(`${taskId} is at ${holders.length} relays`)
      const home = this.disk.json(`home/${task.jobId ?? taskId}`) as { relay?: string } | undefined
      if (home?.relay !== holders[0])
        faults.push(`${taskId} is at home at ${home?.relay}, and at ${holders[0]}`)
    }
    const open = this.disk.keys('relay/').filter((key) => /coordinator\/(task|state)\//.test(key))
    return [...faults, ...open.map((key) => `left open: ${key}`)]
  }
}
