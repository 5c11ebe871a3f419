import { BenchProcess } from './bench-process.ts'
import type { RunsGiven } from './roles/sandboxes.ts'
import type { Spender } from './spent.ts'
import { slotsOfProcesses } from './task-network.ts'

/** As many threads in as many processes as the agents of a TaskNetwork have, and no network. */
export class PoolProcesses {
  readonly #processes: readonly BenchProcess[]

  private constructor(processes: readonly BenchProcess[]) {
    this.#processes = processes
  }

  static async start(role: 'sandboxes' | 'threads'): Promise<PoolProcesses> {
    const processes: BenchProcess[] = []
    const pool = new PoolProcesses(processes)
    try {
      for (const slots of slotsOfProcesses) processes.push(await BenchProcess.start(role, { slots }))
      return pool
    } catch (error) {
      await pool.stop()
      throw error
    }
  }

  get spenders(): readonly Spender[] {
    return this.#processes.map((process) => ({ name: process.role, cpuMs: () => process.cpuMs() }))
  }

  /** Each thread does as many runs as it can, until all are done. */
  async run({ program, input, runs }: RunsGiven): Promise<void> {
    let left = runs
    const part = Math.max(1, Math.ceil(runs / (slotsOfProcesses.length * partsEach)))
    const feed = async (process: BenchProcess): Promise<void> => {
      while (left > 0) {
        const some = Math.min(left, part)
        left -= some
        await process.ask('run', { program, input, runs: some } satisfies RunsGiven)
      }
    }
    // Two parts at a time for each, so that none waits for its next.
    await Promise.all(this.#processes.flatMap((process) => [feed(process), feed(process)]))
  }

  async stop(): Promise<void> {
    for (const process of this.#processes) await process.stop()
  }
}

/** So many parts the work of a process is given in: the faster one takes more of them. */
const partsEach = 20
