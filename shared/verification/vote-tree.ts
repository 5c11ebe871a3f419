import { asciiBytes, concatBytes, fromHex, toHex } from '../kernel/bytes.ts'
import { encodeCanonical } from '../kernel/codec.ts'
import type { Hash, Sha256 } from '../kernel/ids.ts'

/** What a vote says; the leaf of the voter's Merkle batch. */
export interface VoteLeaf {
  readonly taskDigest: Hash
  readonly epoch: number
  readonly attempt: number
  readonly outcomeHash: Hash
  readonly at: string
}

const leafTag = Uint8Array.of(0)
const innerTag = Uint8Array.of(1)
/** No vote hashes to this. */
const emptyLeaf = new Uint8Array(32)
/** Far above the batches of any message (at most 256 answers), and within the range of bit operations. */
const batchHeightMax = 16

/** SHA-256(0x00 ‖ CBOR [taskDigest, epoch, attempt, outcomeHash, at]); hashes as hex text, `at` as ISO text. */
export const leafHash = (vote: VoteLeaf, sha256: Sha256): Uint8Array =>
  sha256(
    concatBytes(
      leafTag,
      encodeCanonical([vote.taskDigest, vote.epoch, vote.attempt, vote.outcomeHash, vote.at]),
    ),
  )

/** SHA-256(0x01 ‖ left ‖ right). */
const innerHash = (left: Uint8Array, right: Uint8Array, sha256: Sha256): Uint8Array =>
  sha256(concatBytes(innerTag, left, right))

/**
 * Every level of the tree from the leaves up. The leaves are filled up with zeros to a power of two, so that index and
 * path together fix the size: a voter signs the root only, and no number beside it may be left to change.
 */
export function treeLevels(leaves: readonly Uint8Array[], sha256: Sha256): Uint8Array[][] {
  let level = [...leaves]
  while (!isPowerOfTwo(level.length)) level.push(emptyLeaf)
  const levels: Uint8Array[][] = [level]
  while (level.length > 1) {
    const next: Uint8Array[] = []
    for (let i = 0; i < level.length; i += 2) next.push(innerHash(level[i]!, level[i + 1]!, sha256))
    levels.push(next)
    level = next
  }
  return levels
}

/** Sibling hashes from leaf `index` up to the root. */
export function proofPath(levels: readonly (readonly Uint8Array[])[], index: number): Hash[] {
  return levels.slice(0, -1).map((level, height) => toHex(level[(index >> height) ^ 1]!) as Hash)
}

/** The root that leaf `index` of `size` leads to by `path`; `undefined` when no tree of that size has such a path. */
export function rootOf(
  leaf: Uint8Array,
  index: number,
  size: number,
  path: readonly Hash[],
  sha256: Sha256,
): Hash | undefined {
  if (path.length > batchHeightMax || size !== 2 ** path.length || index >= size) return undefined
  let hash = leaf
  for (const [height, hex] of path.entries()) {
    const sibling = fromHex(hex)
    hash = ((index >> height) & 1) === 0 ? innerHash(hash, sibling, sha256) : innerHash(sibling, hash, sha256)
  }
  return toHex(hash) as Hash
}

const isPowerOfTwo = (count: number): boolean => count > 0 && (count & (count - 1)) === 0

/** What a voter signs: "tabmesh/votes/1" ‖ networkId ‖ root. */
export const votesSigningBytes = (networkId: Hash, root: Hash): Uint8Array =>
  concatBytes(asciiBytes('tabmesh/votes/1'), fromHex(networkId), fromHex(root))
