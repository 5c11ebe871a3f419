import { createHash, randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash, PeerId } from '../../shared/kernel/ids.ts'
import { type BlobDraft, BlobRefusal, type BlobStore, blobBytesMax } from '../../shared/storage/blob-store.ts'
import { nodeSha256 } from '../keys/node-sha256.ts'
import { Problem } from './problem.ts'
import { noRoom } from './submissions.ts'

const hashMismatch = (hash: Hash): Problem =>
  new Problem('HashMismatch', `The body is not the blob ${hash}: its SHA-256 is another`)

export const blobTooLarge = (): Problem =>
  new Problem('PayloadTooLarge', `A blob has at most ${blobBytesMax / 2 ** 20} MiB`)

/** Who uploads has drafts of their own: what one sends does not mix with what another does. */
export const ownerOf = (sender: PeerId): string =>
  toHex(nodeSha256(new TextEncoder().encode(sender))).slice(0, 32)

/**
 * Writes a body to the store as it comes, with a bounded part of it in memory. Throws a Problem when it is not what the
 * hash says, or there is no room; nothing of it is kept then.
 */
export async function storeBody(
  blobs: BlobStore,
  hash: Hash,
  totalBytes: number,
  body: Readable,
): Promise<void> {
  let draft: BlobDraft | undefined
  try {
    draft = await blobs.draft(hash, totalBytes, `put${randomBytes(12).toString('hex')}`)
    for await (const bytes of body.iterator({ destroyOnReturn: false })) {
      await draft.append(bytes as Uint8Array)
    }
    const isRight = await draft.finish()
    draft = undefined
    if (!isRight) throw hashMismatch(hash)
  } catch (error) {
    // Read to its end and dropped: one who is cut off while still sending never sees the answer.
    body.resume()
    if (error instanceof RangeError) throw hashMismatch(hash)
    throw error instanceof BlobRefusal ? noRoom(error) : error
  } finally {
    await draft?.discard()
  }
}

/** The SHA-256 of a body that nobody keeps. */
export async function hashOfBody(body: Readable): Promise<Hash> {
  const sha256 = createHash('sha256')
  for await (const bytes of body) sha256.update(bytes as Uint8Array)
  return sha256.digest('hex') as Hash
}

/**
 * Adds one part to what the sender uploaded of a blob so far. Resolves to how many bytes are here: all of them when the
 * blob is complete. Throws a Problem when the part does not begin there, or the whole is not what the hash says.
 */
export async function storePart(
  blobs: BlobStore,
  hash: Hash,
  sender: PeerId,
  part: { readonly offset: number; readonly totalBytes: number; readonly bytes: Uint8Array },
): Promise<number> {
  const { offset, totalBytes, bytes } = part
  let draft: BlobDraft | undefined
  try {
    draft = await blobs.draft(hash, totalBytes, ownerOf(sender))
    if (draft.receivedBytes !== offset) {
      throw new Problem(
        'WrongOffset',
        `The part begins at ${offset}, the next byte is ${draft.receivedBytes}`,
      )
    }
    await draft.append(bytes)
    if (draft.receivedBytes < totalBytes) return draft.receivedBytes
    const isRight = await draft.finish()
    draft = undefined
    if (!isRight) throw hashMismatch(hash)
    return totalBytes
  } catch (error) {
    if (error instanceof RangeError) throw new Problem('BadRange', 'The part goes beyond the whole')
    if (error instanceof BlobRefusal && error.code === 'Busy') {
      throw new Problem('UploadUnderWay', `The blob ${hash} is being uploaded by you already`)
    }
    throw error instanceof BlobRefusal ? noRoom(error) : error
  } finally {
    await draft?.close()
  }
}
