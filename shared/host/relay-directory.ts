import type { Hash } from '../kernel/ids.ts'
import { NetworkError } from './network.ts'
import { fetchNetworkInfo, type NetworkInfo } from './network-info.ts'

export interface RelayDirectoryParts {
  readonly networkId: Hash
  /** Told of the relays that live, whenever one of them says which they are. */
  readonly named: (relays: readonly string[]) => void
}

/** Asks relays where they are, and which others there are in the network. */
export class RelayDirectory {
  readonly #parts: RelayDirectoryParts
  /** Those that answered when they were asked last. */
  readonly #answering = new Set<string>()

  constructor(parts: RelayDirectoryParts) {
    this.#parts = parts
  }

  /** Rejects with NetworkError `DialFailed` where the relay does not answer, `OtherNetwork` where it serves another. */
  async ask(relay: string): Promise<NetworkInfo> {
    this.#answering.delete(relay)
    const info = await fetchNetworkInfo(relay)
    if (info.networkId !== this.#parts.networkId) {
      throw new NetworkError(
        'OtherNetwork',
        `The relay at ${relay} now serves another network (${info.networkId})`,
      )
    }
    this.#answering.add(relay)
    this.#parts.named(info.relays)
    return info
  }

  /** Hears of relays that came and went, from one that answers. */
  async refresh(): Promise<void> {
    for (const relay of [...this.#answering]) {
      try {
        await this.ask(relay)
        return
      } catch {
        // The next one may answer.
      }
    }
  }
}

/** How often a node hears anew which relays there are, in ms. */
export const refreshMs = 60_000
