import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as nextLook } from 'node:timers/promises'
import { freePort } from './servers/server-process.ts'
import { type Ended, launchTabmesh, type Running } from './tabmesh-processes.ts'

export interface FleetStart {
  readonly relays: number
  readonly agents: number
  readonly leaseSeconds: number
  /** Flags of every relay: which store they share. */
  readonly store: readonly string[]
}

const lookMs = 25

/** Resolves when it holds; rejects with what was waited for, and what is known of it, when that takes too long. */
export async function until(holds: () => boolean, what: () => string, withinMs = 120_000): Promise<void> {
  const end = performance.now() + withinMs
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited ${withinMs} ms for ${what()}`)
    await nextLook(lookMs)
  }
}

/** What a relay says that ends because it was not heard of for its lease, as on a machine that is too busy. */
const lostLease = 'another relay has taken over its tasks'

/**
 * One relay of a fleet over all its lives: the same folder, address and key. As under a supervisor it is started again when
 * it has lost its lease by itself; any other end of its own is a fault.
 */
export class FleetRelay {
  readonly name: string
  readonly url: string
  readonly #data: string
  readonly #args: readonly string[]
  readonly #former: string[] = []
  #running: Running | undefined
  /** Ends by itself, for want of its lease. */
  leasesLost = 0
  fault: string | undefined

  constructor(name: string, data: string, port: number, args: readonly string[]) {
    this.name = name
    this.url = `http://127.0.0.1:${port}`
    this.#data = join(data, name)
    this.#args = ['relay', '--port', String(port), '--libp2p-port', '0', ...args]
  }

  /** What it wrote to stderr in this life, or the last one. */
  get log(): string {
    return this.#running?.stderr() ?? this.#former.at(-1) ?? ''
  }

  /** Of all lives. */
  get wholeLog(): string {
    return [...this.#former, this.#running?.stderr() ?? ''].join('')
  }

  get peerId(): string {
    const found = /Agent started successfully: (\w+)/.exec(this.wholeLog)
    if (found === null) throw new Error(`${this.name} has never started`)
    return found[1]!
  }

  /** Does not wait for it to be ready. */
  launch(): void {
    if (this.#running !== undefined) return
    const running = launchTabmesh(this.#args, this.#data)
    this.#running = running
    void running.ended.then((ended) => this.#endedByItself(running, ended))
  }

  async start(): Promise<void> {
    this.launch()
    const running = this.#running!
    try {
      await running.firstLine
    } catch (error) {
      // It has been started again, or it has not.
      await running.ended
      if (this.#running === undefined || this.#running === running) throw error
      await this.start()
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#running?.child.kill(signal)
  }

  /** SIGKILL, and its end. */
  async kill(): Promise<void> {
    await this.ended('SIGKILL')
  }

  /** Its end, which comes by itself or by a signal. */
  async ended(signal?: NodeJS.Signals): Promise<Ended | undefined> {
    const running = this.#running
    this.#running = undefined
    if (signal !== undefined) running?.child.kill(signal)
    const ended = await running?.ended
    if (ended !== undefined) this.#former.push(ended.stderr)
    return ended
  }

  #endedByItself(running: Running, { code, stderr }: Ended): void {
    if (this.#running !== running) return
    this.#running = undefined
    this.#former.push(stderr)
    if (code === 1 && stderr.includes(lostLease)) {
      this.leasesLost++
      this.launch()
    } else this.fault = `${this.name} ended with ${code}: ${stderr.slice(-1_500)}`
  }
}

const agentStory = (agent: Running, at: number): string[] => [`agent-${at + 1}`, agent.stderr()]

/** Relays on one store and agents of their network, as processes of their own, under one temporary data folder. */
export class ProcessFleet {
  readonly data: string
  readonly relays: readonly FleetRelay[]
  readonly #agents: Running[] = []

  private constructor(data: string, relays: readonly FleetRelay[]) {
    this.data = data
    this.relays = relays
  }

  static async start({ relays: count, agents, leaseSeconds, store }: FleetStart): Promise<ProcessFleet> {
    const data = await mkdtemp(join(tmpdir(), 'tabmesh-fleet-'))
    const args = ['--fleet-lease-seconds', String(leaseSeconds), ...store]
    const relays: FleetRelay[] = []
    for (let n = 1; n <= count; n++) relays.push(new FleetRelay(`relay-${n}`, data, await freePort(), args))
    const fleet = new ProcessFleet(data, relays)
    try {
      await Promise.all(relays.map((relay) => relay.start()))
      await fleet.#knowOneAnother()
      for (let n = 1; n <= agents; n++) fleet.#agents.push(fleet.#agent(n))
      await Promise.all(fleet.#agents.map((agent) => agent.firstLine))
      return fleet
    } catch (error) {
      await fleet.close()
      throw error
    }
  }

  /** A client's command with the first relay's address; it hears of the others from that one. */
  client(args: readonly string[], stdin: 'ignore' | 'pipe' = 'ignore'): Running {
    return launchTabmesh([...args, '--relay', this.relays[0]!.url], this.data, stdin)
  }

  /** What all of them said last, for whoever wonders why nothing goes on. */
  story(): string {
    const told = [...this.relays.map(({ name, log }) => [name, log]), ...this.#agents.map(agentStory)]
    return told.map(([name, log]) => `${name}: ${log!.slice(-1_200)}`).join('\n')
  }

  async verify(...args: readonly string[]): Promise<Ended> {
    return await launchTabmesh(['verify', ...args], this.data).ended
  }

  /** The relays end in order; the store is then nobody's. Gives their exit codes, or what they ended with before. */
  async stopRelays(): Promise<unknown[]> {
    const codes: unknown[] = []
    for (const relay of this.relays) codes.push(relay.fault ?? (await relay.ended('SIGTERM'))?.code)
    return codes
  }

  async close(): Promise<void> {
    for (const { child, ended } of this.#agents) {
      child.kill('SIGKILL')
      await ended
    }
    for (const relay of this.relays) {
      relay.signal('SIGCONT')
      await relay.kill()
    }
    await rm(this.data, { recursive: true, force: true, maxRetries: 5 })
  }

  async #knowOneAnother(): Promise<void> {
    for (const { url } of this.relays) {
      for (;;) {
        const info = (await (await fetch(`${url}/api/v1/network`)).json()) as { relays: readonly string[] }
        if (info.relays.length === this.relays.length) break
        await nextLook(lookMs)
      }
    }
  }

  /** Agents are spread over the relays, and join the others by what these tell. */
  #agent(n: number): Running {
    const { url } = this.relays[(n - 1) % this.relays.length]!
    return launchTabmesh(['agent', '--relay', url, '--name', `agent-${n}`, '--slots', '1'], this.data)
  }
}
