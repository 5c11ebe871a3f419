import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { RedisProcess, redisProgram } from '../../support/servers/redis-process.ts'
import { BenchProcess } from './bench-process.ts'
import type { BullGiven } from './roles/bullmq.ts'
import type { Spender } from './spent.ts'

const consumers = 2
/** So often the workers are asked how many jobs they have done. */
const lookMs = 10

/**
 * BullMQ with workers in two processes, on a Redis with the durability that its documentation advises: an append-only file,
 * synced each second.
 */
export class BullQueue {
  readonly processes: readonly BenchProcess[]
  readonly #redis: RedisProcess
  readonly #info: Redis
  #target = 0

  private constructor(redis: RedisProcess, processes: readonly BenchProcess[]) {
    this.#redis = redis
    this.processes = processes
    this.#info = new Redis(redis.url)
  }

  static async start(): Promise<BullQueue> {
    if (redisProgram === undefined) throw new Error('redis-server is not installed')
    const redis = await RedisProcess.start(['--appendfsync', 'everysec'])
    const processes: BenchProcess[] = []
    const given: BullGiven = { url: redis.url, queue: 'bench' }
    try {
      processes.push(await BenchProcess.start('producer', given))
      for (let i = 0; i < consumers; i++) processes.push(await BenchProcess.start('consumer', given))
      return new BullQueue(redis, processes)
    } catch (error) {
      for (const process of processes) await process.stop()
      await redis.stop()
      throw error
    }
  }

  get spenders(): readonly Spender[] {
    const processes = this.processes.map((process) => ({ name: process.role, cpuMs: () => process.cpuMs() }))
    return [...processes, { name: 'redis', cpuMs: () => this.#redisCpuMs() }]
  }

  /** Adds so many jobs that do nothing; resolves when each was done. */
  async jobs(count: number): Promise<void> {
    const [producer, ...workers] = this.processes
    this.#target += count
    const added = producer!.ask('add', { tasks: count })
    for (let done = 0; done < this.#target; ) {
      const counts = await Promise.all(workers.map((worker) => worker.ask<number>('done')))
      done = counts.reduce((sum, each) => sum + each, 0)
      if (done < this.#target) await setTimeout(lookMs)
    }
    await added
  }

  async stop(): Promise<void> {
    this.#info.disconnect()
    for (const process of this.processes) await process.stop()
    await this.#redis.stop()
  }

  async #redisCpuMs(): Promise<number> {
    const info = await this.#info.info('cpu')
    const seconds = ['used_cpu_sys', 'used_cpu_user'].map((name) =>
      Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1]),
    )
    return 1_000 * seconds.reduce((sum, each) => sum + each, 0)
  }
}
