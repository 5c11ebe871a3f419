import { readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Disk, type LogFile, realDisk } from '../../../relay/storage/disk.ts'

/**
 * A disk that stops after so many steps: a byte written is one, and so is everything else. From then on every step
 * fails, as for a process that was killed, or with the code given.
 */
export class FailingDisk implements Disk {
  steps = 0
  #stepsMax: number
  readonly #code: string
  #last: string | undefined
  /** What a power cut takes back: renames and removals in directories that were not synced since. */
  #unsynced: { readonly directory: string; readonly undo: () => Promise<void> }[] = []

  constructor(stepsMax: number, code = 'EIO') {
    this.#stepsMax = stepsMax
    this.#code = code
  }

  /** From now on so many more steps. */
  stopAfter(steps: number): void {
    this.#stepsMax = this.steps + steps
  }

  /** This step, and whatever comes after it, fails. */
  stopWhen(step: 'rename', path: string): void {
    this.#last = `${step} ${path}`
  }

  async create(path: string, bytes: Uint8Array): Promise<void> {
    const taken = this.#take(bytes.length)
    await realDisk.create(path, bytes.subarray(0, taken))
    this.#step()
  }

  async createLog(path: string): Promise<LogFile> {
    this.#step()
    const log = await realDisk.createLog(path)
    this.#undoable(path, () => rm(path, { force: true }))
    return {
      append: async (bytes) => {
        const taken = this.#take(bytes.length)
        if (taken > 0) await log.append(bytes.subarray(0, taken))
        this.#step()
      },
      close: () => log.close(),
    }
  }

  async rename(from: string, to: string): Promise<void> {
    if (this.#last === `rename ${to}`) this.#stepsMax = this.steps
    this.#step()
    const [before, moved] = [await contentOf(to), await contentOf(from)]
    await realDisk.rename(from, to)
    this.#undoable(to, async () => {
      if (before === undefined) await rm(to, { force: true })
      else await writeFile(to, before)
      if (moved !== undefined) await writeFile(from, moved)
    })
  }

  async remove(path: string): Promise<void> {
    this.#step()
    const before = await contentOf(path)
    await realDisk.remove(path)
    if (before !== undefined) this.#undoable(path, () => writeFile(path, before))
  }

  async makeDirectory(path: string): Promise<void> {
    this.#step()
    await realDisk.makeDirectory(path)
  }

  async syncDirectory(path: string): Promise<void> {
    this.#step()
    this.#unsynced = this.#unsynced.filter(({ directory }) => directory !== path)
    await realDisk.syncDirectory(path)
  }

  async powerCut(): Promise<void> {
    for (const { undo } of this.#unsynced.reverse()) await undo()
    this.#unsynced = []
  }

  #undoable(path: string, undo: () => Promise<void>): void {
    this.#unsynced.push({ directory: dirname(path), undo })
  }

  /** So many of the bytes still get written. */
  #take(bytes: number): number {
    const taken = Math.max(0, Math.min(bytes, this.#stepsMax - this.steps))
    this.steps += taken
    return taken
  }

  #step(): void {
    if (this.steps >= this.#stepsMax) {
      throw Object.assign(new Error(`step ${this.steps} fails`), { code: this.#code })
    }
    this.steps += 1
  }
}

const contentOf = (path: string): Promise<Buffer | undefined> => readFile(path).catch(() => undefined)
