import { sha256 } from '@noble/hashes/sha2.js'

/** Of the 16 bits that are asked for, those that are right: enough to tell a thousand relays apart by. */
const bits = 10

/**
 * For each 16 bits a number whose key has a DHT id (SHA-256 of the key) that begins with the first of them: the DHT looks up
 * such keys to refresh its buckets. libp2p brings a list of them that is a sixth of what the page may load at first; finding
 * one takes a thousand hashes, about two milliseconds.
 */
export const dhtPrefixes: Readonly<Record<number, number>> = new Proxy(
  {},
  { get: (_none, prefix) => keyNumberFor(Number(prefix)) },
)
const known = new Map<number, number>()

function keyNumberFor(prefix: number): number {
  const wanted = prefix >>> (16 - bits)
  const found = known.get(wanted) ?? search(wanted)
  known.set(wanted, found)
  return found
}

/** As `RoutingTableRefresh` makes a key of the number: a SHA-256 multihash that begins with it. */
function search(wanted: number): number {
  const key = new Uint8Array(34)
  key.set([0x12, 32])
  const view = new DataView(key.buffer)
  for (let number = 0; ; number++) {
    view.setUint32(2, number)
    const [first, second] = sha256(key)
    if (((first! << 8) | second!) >>> (16 - bits) === wanted) return number
  }
}
