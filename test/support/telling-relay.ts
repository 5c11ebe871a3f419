import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Hash } from '../../shared/kernel/ids.ts'
import { peerId } from './task-fixtures.ts'

export const networkA = 'a'.repeat(64) as Hash
export const networkB = 'b'.repeat(64) as Hash

/** Only what a relay says of its network, which a test may change. */
export class TellingRelay {
  readonly #server: Server
  url = ''
  networkId: Hash = networkA
  relays: readonly string[] = []
  asked = 0
  /** In place of the answer. */
  body: string | undefined

  private constructor() {
    this.#server = createServer((_, response) => {
      this.asked++
      const { networkId, relays } = this
      const told = { networkId, peerId: peerId(1), multiaddrs: [], policy: 'open', relays }
      response.setHeader('content-type', 'application/json').end(this.body ?? JSON.stringify(told))
    })
  }

  static async start(): Promise<TellingRelay> {
    const relay = new TellingRelay()
    await relay.#listen(0)
    relay.url = `http://127.0.0.1:${(relay.#server.address() as AddressInfo).port}`
    relay.relays = [relay.url]
    return relay
  }

  async goAway(): Promise<void> {
    if (!this.#server.listening) return
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async comeBack(): Promise<void> {
    await this.#listen(Number(new URL(this.url).port))
  }

  async #listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1')
    await once(this.#server, 'listening')
  }
}
