// A relay's network alone, in a process of its own that a test may kill. Options come as JSON in the one argument; when
// it listens it says so in one JSON line. It sends every frame that starts with `echoMark` back to where it came from.
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { createRelayNode } from '../../../relay/net/relay-node.ts'
import { fromHex } from '../../../shared/kernel/bytes.ts'
import type { Hash } from '../../../shared/kernel/ids.ts'

interface Options {
  readonly seed: string
  readonly networkId: Hash
  readonly tcpPort: number
  readonly wsPort: number
  readonly dial?: readonly string[]
}

const echoMark = 0xee

const options = JSON.parse(process.argv[2] ?? '{}') as Options
const relay = createRelayNode({
  privateKey: await generateKeyPairFromSeed('Ed25519', fromHex(options.seed)),
  networkId: options.networkId,
  listenHost: '127.0.0.1',
  tcpPort: options.tcpPort,
  wsPort: options.wsPort,
})
relay.subscribe('talk')
await relay.start({
  peerUp: () => undefined,
  peerPath: () => undefined,
  peerDown: () => undefined,
  frame: async (peer, frame) => {
    if (frame[0] === echoMark) relay.send(peer, frame)
  },
  gossip: async () => 'accept',
})
for (const address of options.dial ?? []) await relay.dial({ addresses: [address] })
process.stdout.write(
  `${JSON.stringify({ peer: relay.self, ports: relay.ports(), addresses: relay.addresses() })}\n`,
)
process.on('SIGTERM', () => {
  void relay.stop().then(() => process.exit(0))
})
