import { equalValues, type Fence, type StoreChange } from '../../shared/storage/store.ts'

/** Batches that become durable together: the last change of each key. */
export interface WriteGroup {
  readonly changes: ReadonlyMap<string, Uint8Array | undefined>
  readonly fence: Fence | undefined
}

interface Waiting {
  readonly changes: readonly StoreChange[]
  readonly fence: Fence | undefined
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** So much is written at once at most, unless one batch alone is larger. */
const groupBytesMax = 8 * 1024 * 1024
const groupChangesMax = 4_096

/**
 * Writes one group after another: what was asked for while a group is under way is the next group, so that a thousand
 * callers cost a few writes. Batches stay whole and in order; a group has one fence.
 */
export class WriteQueue {
  readonly #write: (group: WriteGroup) => Promise<void>
  readonly #waiting: Waiting[] = []
  #writing: Promise<void> | undefined
  #last: Promise<void> = Promise.resolve()

  /** `write` rejects when none of the group may count as written. */
  constructor(write: (group: WriteGroup) => Promise<void>) {
    this.#write = write
  }

  add(changes: readonly StoreChange[], fence: Fence | undefined): Promise<void> {
    // The caller may go on writing into its buffers.
    const kept = changes.map(({ key, value }) => ({ key, value: value && new Uint8Array(value) }))
    const done = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ changes: kept, fence, resolve, reject })
    })
    this.#last = done.catch(() => undefined)
    this.#writing ??= this.#run()
    return done
  }

  /** Resolves when everything that was added before is written or has failed. */
  settled(): Promise<void> {
    return this.#last
  }

  async #run(): Promise<void> {
    // Callers of the same moment share the first group.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const members = this.#takeGroup()
      const changes = new Map(
        members.flatMap((member) => member.changes.map(({ key, value }) => [key, value] as const)),
      )
      try {
        await this.#write({ changes, fence: members[0]!.fence })
        for (const { resolve } of members) resolve()
      } catch (error) {
        for (const { reject } of members) reject(error)
      }
    }
    this.#writing = undefined
  }

  #takeGroup(): Waiting[] {
    const [first] = this.#waiting
    let [bytes, changes] = [0, 0]
    let isFenceMoved = false
    const end = this.#waiting.findIndex((member, at) => {
      const ends = at > 0 && (isFenceMoved || !isSameFence(first!.fence, member.fence))
      isFenceMoved ||= member.changes.some(({ key }) => key === member.fence?.key)
      changes += member.changes.length
      bytes += member.changes.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0)
      return ends || (at > 0 && (bytes > groupBytesMax || changes > groupChangesMax))
    })
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end)
  }
}

function isSameFence(a: Fence | undefined, b: Fence | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.key === b.key && equalValues(a.value, b.value)
}
