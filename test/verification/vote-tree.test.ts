import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import {
  leafHash,
  proofPath,
  rootOf,
  treeLevels,
  votesSigningBytes,
} from '../../shared/verification/vote-tree.ts'
import { sha256 } from '../sim/model-programs.ts'

const countMax = 70
const leavesOf = (size: number) => Array.from({ length: size }, (_, n) => sha256(Uint8Array.of(n)))
/** `size` is what stands beside a vote: leaves with their filling; `count` are the votes. */
const trees = Array.from({ length: countMax }, (_, n) => {
  const levels = treeLevels(leavesOf(n + 1), sha256)
  return { count: n + 1, size: levels[0]!.length, levels, root: toHex(levels.at(-1)![0]!) as Hash }
})
const flipped = (hash: Hash) => ((hash[0] === '0' ? '1' : '0') + hash.slice(1)) as Hash

describe('TSK-11 a vote proves that it is in its batch', () => {
  test('every leaf of every batch size leads to the root', () => {
    for (const { count, size, levels, root } of trees) {
      for (let index = 0; index < count; index++) {
        expect(rootOf(levels[0]![index]!, index, size, proofPath(levels, index), sha256)).toBe(root)
      }
    }
  })

  test('the tree is the one of the format: inner nodes of tag 1, leaves filled up with zeros', () => {
    const [one, two, three] = leavesOf(3) as [Uint8Array, Uint8Array, Uint8Array]
    const inner = (left: Uint8Array, right: Uint8Array) =>
      sha256(Buffer.concat([Uint8Array.of(1), left, right]))
    expect(trees[0]!.root).toBe(toHex(one))
    expect(trees[1]!.root).toBe(toHex(inner(one, two)))
    expect(trees[2]!.root).toBe(toHex(inner(inner(one, two), inner(three, new Uint8Array(32)))))
    expect(trees.map((tree) => tree.size).slice(0, 9)).toEqual([1, 2, 4, 4, 8, 8, 8, 8, 16])
  })

  test('another leaf does not', () => {
    for (const { size, levels, root } of trees) {
      const path = proofPath(levels, 0)
      for (let other = 1; other < size; other++) {
        expect(rootOf(levels[0]![other]!, 0, size, path, sha256)).not.toBe(root)
      }
      expect(rootOf(sha256(Uint8Array.of(255, size)), 0, size, path, sha256)).not.toBe(root)
    }
  })

  test('a path with one hash changed, left out, added or swapped does not', () => {
    for (const { count, size, levels, root } of trees) {
      const index = count - 1
      const leaf = levels[0]![index]!
      const path = proofPath(levels, index)
      const wrong = [
        [...path, flipped(root)],
        [flipped(root), ...path],
        ...path.map((_, at) => path.filter((_hash, other) => other !== at)),
        ...path.map((hash, at) => path.with(at, flipped(hash))),
        ...(path.length > 1 ? [[path[1]!, path[0]!, ...path.slice(2)]] : []),
      ]
      for (const other of wrong) expect(rootOf(leaf, index, size, other, sha256)).not.toBe(root)
    }
  })

  test('another index within the size does not', () => {
    for (const { count, size, levels, root } of trees) {
      for (let index = 0; index < count; index++) {
        const path = proofPath(levels, index)
        for (let other = 0; other < size; other++) {
          if (other !== index) expect(rootOf(levels[0]![index]!, other, size, path, sha256)).not.toBe(root)
        }
      }
    }
  })

  test('an index outside the batch does not', () => {
    for (const { count, size, levels, root } of trees) {
      for (let index = 0; index < count; index++) {
        const path = proofPath(levels, index)
        for (const other of [
          size,
          size + index,
          2 * size + index,
          65_536 + index,
          2 ** 31 + index,
          2 ** 32 + index,
          2 ** 53 - 1,
        ]) {
          expect(rootOf(levels[0]![index]!, other, size, path, sha256)).not.toBe(root)
        }
      }
    }
  })

  test('another size does not', () => {
    const proved = new Set<string>()
    for (const { count, size, levels, root } of trees) {
      for (let index = 0; index < count; index++) {
        const path = proofPath(levels, index)
        for (const other of [...Array.from({ length: 140 }, (_, n) => n), 65_536, 2 ** 32, 2 ** 32 + size]) {
          if (other === size || rootOf(levels[0]![index]!, index, other, path, sha256) !== root) continue
          proved.add(`leaf ${index} of ${size} also as of ${other}`)
        }
      }
    }
    expect([...proved].slice(0, 5)).toEqual([])
  })
})

test('TSK-11 every part of a vote is in its leaf', () => {
  const vote = {
    taskDigest: 'a'.repeat(64) as Hash,
    epoch: 1,
    attempt: 2,
    outcomeHash: 'b'.repeat(64) as Hash,
    at: '2030-01-01T00:00:00.000Z',
  }
  const leaf = toHex(leafHash(vote, sha256))
  const others = [
    { ...vote, taskDigest: flipped(vote.taskDigest) },
    { ...vote, epoch: 2 },
    { ...vote, attempt: 1 },
    { ...vote, outcomeHash: flipped(vote.outcomeHash) },
    { ...vote, at: '2030-01-01T00:00:00.001Z' },
  ]
  expect(new Set([leaf, ...others.map((other) => toHex(leafHash(other, sha256)))]).size).toBe(6)
  expect(toHex(leafHash({ ...vote, more: 1 } as typeof vote, sha256))).toBe(leaf)
})

test('TSK-11 a voter signs its context, the network and the root', () => {
  const network = '1'.repeat(64) as Hash
  const root = '2'.repeat(64) as Hash
  expect(Buffer.from(votesSigningBytes(network, root))).toEqual(
    Buffer.concat([Buffer.from('tabmesh/votes/1'), Buffer.alloc(32, 0x11), Buffer.alloc(32, 0x22)]),
  )
})

test('TSK-11 leaves cannot be passed off as inner nodes', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: countMax }), (count) => {
      const { levels, root } = trees[count - 1]!
      const [left, right] = [levels.at(-2)![0]!, levels.at(-2)![1]!]
      expect(toHex(sha256(Buffer.concat([Uint8Array.of(0), left, right])))).not.toBe(root)
    }),
  )
})
