import { PostgresServer } from '../../relay/storage/postgres-server.ts'
import { RedisServer } from '../../relay/storage/redis-server.ts'
import { RemoteStore } from '../../relay/storage/remote-store.ts'
import { toHex } from '../../shared/kernel/bytes.ts'
import type { Store } from '../../shared/storage/store.ts'

const quiet = (): void => undefined
const lookMs = 400

export async function openServerStore(kind: 'redis' | 'postgres', url: string): Promise<Store> {
  const server = kind === 'redis' ? new RedisServer(url, 2, quiet) : new PostgresServer(url, 2, quiet)
  return await RemoteStore.open(server, quiet)
}

/**
 * Looks into the store of a relay, or of a fleet, again and again: an end that was once on record is the end of that task for
 * good, whoever has it. A second end would differ from it, if only in its times.
 */
export class FleetWitness {
  readonly #store: Store
  readonly #ends = new Map<string, string>()
  readonly #faults: string[] = []
  readonly #looking: Promise<void>
  #isOver = false

  constructor(store: Store) {
    this.#store = store
    this.#looking = this.#watch()
  }

  /** What is wrong in the end, when no relay writes any more; nothing, where each task of the job has ended once. */
  async faults(taskIds: ReadonlySet<string>): Promise<readonly string[]> {
    this.#isOver = true
    await this.#looking
    const rows = await this.#look()
    const open = rows.filter(({ kind }) => kind === 'task').filter(({ taskId }) => taskIds.has(taskId))
    const ended = rows.filter(({ kind }) => kind === 'done').filter(({ taskId }) => taskIds.has(taskId))
    const once = new Set(ended.map(({ taskId }) => taskId))
    const faults = [...this.#faults, ...open.map(({ taskId }) => `${taskId} is still open`)]
    for (const taskId of taskIds) if (!once.has(taskId)) faults.push(`${taskId} has no end on record`)
    if (ended.length !== once.size) faults.push(`${ended.length} ends of ${once.size} tasks`)
    return faults.slice(0, 20)
  }

  async #watch(): Promise<void> {
    while (!this.#isOver) {
      // While the server is away there is nothing to see.
      await this.#look().catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, lookMs))
    }
  }

  async #look(): Promise<{ readonly kind: string; readonly taskId: string }[]> {
    const rows = [...(await this.#store.list('relay/')), ...(await this.#store.list('coordinator/'))]
    return rows.map(({ key, value }) => {
      const kind = /(?:^|\/)coordinator\/(\w+)\//.exec(key)?.[1] ?? ''
      const taskId = key.slice(key.lastIndexOf('/') + 1)
      if (kind === 'done') this.#compare(taskId, toHex(value))
      return { kind, taskId }
    })
  }

  #compare(taskId: string, end: string): void {
    const before = this.#ends.get(taskId) ?? end
    if (before !== end) this.#faults.push(`${taskId} has ended twice`)
    this.#ends.set(taskId, end)
  }
}
