import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BenchProcess } from './bench-process.ts'
import type { AgentsGiven } from './roles/agents.ts'
import type { RelayGiven } from './roles/relay.ts'
import type { JobGiven, SubmitterGiven } from './roles/submitter.ts'
import type { Spender } from './spent.ts'

/** Agents by process. A task has three executions by three workers, hence three agents, of one slot each. */
const agentsOfProcesses: readonly (readonly string[])[] = [['agent-1'], ['agent-2', 'agent-3']]
/** Slots of each of the two processes. */
export const slotsOfProcesses = agentsOfProcesses.map((names) => names.length)
export const executionsPerTask = 3

/**
 * A network as one would run it: a relay with SQLite, two processes with agents, and a submitter over HTTP, each on its own,
 * over loopback.
 */
export class TaskNetwork {
  readonly processes: readonly BenchProcess[]
  readonly #folder: string
  readonly #submitter: BenchProcess

  private constructor(folder: string, processes: readonly BenchProcess[]) {
    this.#folder = folder
    this.processes = processes
    this.#submitter = processes.at(-1)!
  }

  static async start(): Promise<TaskNetwork> {
    const folder = await mkdtemp(join(tmpdir(), 'tabmesh-bench-'))
    const processes: BenchProcess[] = []
    try {
      const relay = await BenchProcess.start('relay', { folder } satisfies RelayGiven)
      processes.push(relay)
      const url = await relay.ask<string>('url')
      for (const names of agentsOfProcesses) {
        const given: AgentsGiven = { folder, relay: url, names }
        processes.push(await BenchProcess.start('agents', given))
      }
      const given: SubmitterGiven = { folder, relay: url }
      processes.push(await BenchProcess.start('submitter', given))
      return new TaskNetwork(folder, processes)
    } catch (error) {
      await end(processes, folder)
      throw error
    }
  }

  get spenders(): readonly Spender[] {
    return this.processes.map((process) => ({ name: process.role, cpuMs: () => process.cpuMs() }))
  }

  /** Every task of the job is done and verified when it resolves. */
  async job(job: JobGiven): Promise<void> {
    await this.#submitter.ask('job', job)
  }

  async stop(): Promise<void> {
    await end(this.processes, this.#folder)
  }
}

async function end(processes: readonly BenchProcess[], folder: string): Promise<void> {
  for (const process of [...processes].reverse()) await process.stop()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
