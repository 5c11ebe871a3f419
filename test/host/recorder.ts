import type { NetworkListener, PeerPath } from '../../shared/host/network.ts'
import type { PeerId } from '../../shared/kernel/ids.ts'

/** A listener that writes down what it is told, and lets a test wait for it. */
export class Recorder implements NetworkListener {
  readonly log: string[] = []
  readonly frames = new Map<PeerId, Uint8Array[]>()
  readonly paths = new Map<PeerId, PeerPath>()
  readonly gossips: { topic: string; from: PeerId; frame: Uint8Array }[] = []
  readonly faults: { peer: PeerId; reason: string }[] = []
  verdict: 'accept' | 'ignore' | 'reject' = 'accept'
  /** Awaited for every frame; replace it to be slow. */
  handle: (peer: PeerId, frame: Uint8Array) => Promise<void> = () => Promise.resolve()
  #waiting: { until: () => boolean; resolve: () => void }[] = []

  peerUp(peer: PeerId, path: PeerPath): void {
    this.paths.set(peer, path)
    this.#note(`up ${peer}`)
  }

  peerPath(peer: PeerId, path: PeerPath): void {
    this.paths.set(peer, path)
    this.#note(`path ${peer} ${path.direct ? 'direct' : 'relayed'}`)
  }

  peerDown(peer: PeerId, reason?: string): void {
    this.paths.delete(peer)
    this.#note(`down ${peer} ${reason}`)
  }

  fault(peer: PeerId, reason: string): void {
    this.faults.push({ peer, reason })
    this.#note(`fault ${peer} ${reason}`)
  }

  async frame(peer: PeerId, frame: Uint8Array): Promise<void> {
    await this.handle(peer, frame)
    const list = this.frames.get(peer) ?? []
    this.frames.set(peer, list)
    list.push(frame)
    this.#wake()
  }

  async gossip(topic: string, from: PeerId, frame: Uint8Array): Promise<'accept' | 'ignore' | 'reject'> {
    this.gossips.push({ topic, from, frame })
    this.#wake()
    return this.verdict
  }

  from(peer: PeerId): Uint8Array[] {
    return this.frames.get(peer) ?? []
  }

  /** Resolves when the condition holds; it is looked at after every event. */
  until(condition: () => boolean, what: string, timeoutMs = 15_000): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`waited ${timeoutMs} ms for: ${what}; seen: ${this.log.join(', ')}`))
      }, timeoutMs)
      this.#waiting.push({
        until: condition,
        resolve: () => {
          clearTimeout(timer)
          resolve()
        },
      })
    })
  }

  untilLogged(entry: string): Promise<void> {
    return this.until(() => this.log.some((line) => line.startsWith(entry)), entry)
  }

  #note(line: string): void {
    this.log.push(line)
    this.#wake()
  }

  #wake(): void {
    const [due, rest] = [
      this.#waiting.filter(({ until }) => until()),
      this.#waiting.filter(({ until }) => !until()),
    ]
    this.#waiting = rest
    for (const { resolve } of due) resolve()
  }
}
