import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { World } from '../world.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heapBytes(): number {
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

/** DESIGN: an idle peer costs at most this, its model of the network and its share of the relay included. */
const idlePeerBytesMax = 100 * 1024

test('an idle peer costs at most 100 KB, joined and with its neighbours', { timeout: 120_000 }, () => {
  const peers = 800
  const world = new World({ seed: 1, loss: 0 })
  const relay = world.addNode('relay')
  world.runUntil(1_000)
  const before = heapBytes()
  for (let n = 0; n < peers; n++) {
    world.later(world.random.below(10_000), () => {
      world.addNode('tab', { slots: 1, relays: [relay.id] })
    })
  }
  world.runUntil(120_000)
  expect(relay.peer.children.membership.size).toBe(peers)
  const perPeer = (heapBytes() - before) / peers
  console.log(`heap per idle peer: ${Math.round(perPeer / 1024)} KB`)
  expect(perPeer).toBeLessThan(idlePeerBytesMax)
  expect(world.nodes.length).toBe(peers + 1)
})
