import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fetchNetworkInfo, type NetworkInfo } from '../../shared/host/network-info.ts'
import { writeFileDurably } from '../storage/files.ts'

/** A relay that is not there at the start is asked again after this, for so long. */
const againMs = 1_000
const firstSeconds = 30
/** What is remembered was written by this agent; more is damage. */
const rememberedMax = 64

/** NET-06: the relays of the agent's network as it last heard of them, for a start while its own one is away. */
export class KnownRelays {
  readonly #path: string
  #kept = ''

  constructor(folder: string) {
    this.#path = join(folder, 'relays.json')
  }

  /**
   * Asks the relay, and those remembered besides, until one answers; rejects as the relay itself did. `told` is called
   * when the first round brought nothing, with why, and for how long it goes on.
   */
  async firstInfo(
    relay: string,
    told: (reason: string, seconds: number) => void = () => {},
  ): Promise<NetworkInfo> {
    const others = (await this.remembered()).filter((other) => other !== relay)
    const giveUpAt = performance.now() + 1_000 * firstSeconds
    for (let isFirst = true; ; isFirst = false) {
      try {
        return await fetchNetworkInfo(relay)
      } catch (error) {
        for (const other of others) {
          const info = await fetchNetworkInfo(other).catch(() => undefined)
          if (info !== undefined) return info
        }
        if (performance.now() >= giveUpAt) throw error
        if (isFirst) told(error instanceof Error ? error.message : String(error), firstSeconds)
        await new Promise((resolve) => setTimeout(resolve, againMs))
      }
    }
  }

  /** A note that cannot be read is only a convenience lost. */
  async remembered(): Promise<readonly string[]> {
    try {
      const value: unknown = JSON.parse(await readFile(this.#path, 'utf8'))
      if (!Array.isArray(value)) return []
      return value.filter((each) => typeof each === 'string' && URL.canParse(each)).slice(0, rememberedMax)
    } catch {
      return []
    }
  }

  async remember(relays: readonly string[]): Promise<void> {
    const text = JSON.stringify(relays)
    if (text === this.#kept) return
    this.#kept = text
    await writeFileDurably(this.#path, Buffer.from(text)).catch(() => undefined)
  }
}
