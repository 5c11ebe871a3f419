import { asciiBytes, concatBytes, fromHex, toHex } from '../kernel/bytes.ts'
import { encodeCanonical } from '../kernel/codec.ts'
import type { Hash, PeerId, Sha256 } from '../kernel/ids.ts'
import type { Outcome, Task } from './task.ts'

/** A task is never changed, and asked for its digest by everything on its way: signature, record, receipt. */
const digests = new WeakMap<Task, Hash>()

/** SHA-256 of the canonical CBOR of the task as it stands in JSON: hashes are hex text, times ISO text. */
export function taskDigest(task: Task, sha256: Sha256): Hash {
  const known = digests.get(task)
  if (known !== undefined) return known
  const digest = toHex(sha256(encodeCanonical(task))) as Hash
  digests.set(task, digest)
  return digest
}

/** What the submitter signs: "tabmesh/task/1" ‖ networkId ‖ taskDigest (32 raw bytes each). */
export const taskSigningBytes = (networkId: Hash, digest: Hash): Uint8Array =>
  concatBytes(asciiBytes('tabmesh/task/1'), fromHex(networkId), fromHex(digest))

/** SHA-256 of the canonical CBOR of the outcome as it stands in a receipt. */
export const outcomeHash = (outcome: Outcome, sha256: Sha256): Hash =>
  toHex(sha256(encodeCanonical(outcome))) as Hash

/** SHA-256(salt ‖ outcomeHash). */
export const commitmentHash = (salt: Uint8Array, outcome: Hash, sha256: Sha256): Hash =>
  toHex(sha256(concatBytes(salt, fromHex(outcome)))) as Hash

/** What the first worker signs: "tabmesh/commitment/1" ‖ networkId ‖ taskDigest ‖ commitment hash. */
export const commitmentSigningBytes = (networkId: Hash, digest: Hash, commitment: Hash): Uint8Array =>
  concatBytes(asciiBytes('tabmesh/commitment/1'), fromHex(networkId), fromHex(digest), fromHex(commitment))

/** What the admitting relay signs: "tabmesh/admission/1" ‖ networkId ‖ CBOR [peerId, operator, subnetTag, relay]. */
export const admissionSigningBytes = (
  networkId: Hash,
  peerId: PeerId,
  operator: Hash | null,
  subnetTag: string | null,
  relay: PeerId,
): Uint8Array =>
  concatBytes(
    asciiBytes('tabmesh/admission/1'),
    fromHex(networkId),
    encodeCanonical([peerId, operator, subnetTag, relay]),
  )
