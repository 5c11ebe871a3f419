import type { Network, NetworkListener } from '../../shared/host/network.ts'
import { NetworkError } from '../../shared/host/network.ts'
import type { PeerId } from '../../shared/kernel/ids.ts'

/** A network without a wire: the test says who comes, goes and sends, and sees what is sent. */
export class FakeNetwork implements Network {
  readonly self: PeerId
  readonly sent: { readonly to: PeerId; readonly frame: Uint8Array }[] = []
  readonly hungUp: PeerId[] = []
  readonly #up = new Set<PeerId>()
  #listener: NetworkListener | undefined

  constructor(self: PeerId) {
    this.self = self
  }

  up(peer: PeerId, remoteAddress = '/ip4/127.0.0.1/tcp/1'): void {
    this.#up.add(peer)
    this.#listener?.peerUp(peer, { direct: true, remoteAddress })
  }

  down(peer: PeerId): void {
    this.#up.delete(peer)
    this.#listener?.peerDown(peer)
  }

  async receive(from: PeerId, frame: Uint8Array): Promise<void> {
    await this.#listener?.frame(from, frame)
  }

  addresses(): string[] {
    return []
  }

  async start(listener: NetworkListener): Promise<void> {
    this.#listener = listener
  }

  send(to: PeerId, frame: Uint8Array): boolean {
    if (!this.#up.has(to)) return false
    this.sent.push({ to, frame })
    return true
  }

  queuedBytes(): number {
    return 0
  }

  dial(): Promise<PeerId> {
    return Promise.reject(new NetworkError('DialFailed', 'there is no wire'))
  }

  async hangUp(peer: PeerId): Promise<void> {
    this.hungUp.push(peer)
    if (this.#up.has(peer)) this.down(peer)
  }

  async publish(): Promise<void> {}
  subscribe(): void {}
  async provide(): Promise<void> {}

  async findProviders(): Promise<PeerId[]> {
    return []
  }

  async findPeer(): Promise<undefined> {}
  async stop(): Promise<void> {}
}
