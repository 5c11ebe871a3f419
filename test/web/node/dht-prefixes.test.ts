import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
// The list that it stands for.
import original from '../../../node_modules/@libp2p/kad-dht/dist/src/routing-table/generated-prefix-list.js'
import { dhtPrefixes } from '../../../web/node/dht-prefixes.ts'

/** The first 16 bits of the DHT id of the key that libp2p makes of a number. */
function idOf(number: number): number {
  const key = Buffer.alloc(34)
  key.set([0x12, 32])
  key.writeUInt32BE(number, 2)
  return createHash('sha256').update(key).digest().readUInt16BE(0)
}

test('NET-06 a number for each prefix, whose id begins with it as in the list of libp2p', () => {
  for (let prefix = 0; prefix < 65_536; prefix += 97) {
    expect(idOf(original[prefix]!)).toBe(prefix)
    expect(idOf(dhtPrefixes[prefix]!) >>> 6).toBe(prefix >>> 6)
  }
})
