import { createHash } from 'node:crypto'
import { open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlobRecord, DraftRecord } from '../../shared/storage/blob-catalog.ts'
import { draftMs, isHash } from '../../shared/storage/blob-store.ts'

const checkBytes = 1024 * 1024

/** The blobs in the folder of a store; a file's time of change is when the blob was last used. */
export async function blobsIn(directory: string): Promise<BlobRecord[]> {
  const found: BlobRecord[] = []
  for (const folder of await readdir(directory)) {
    if (!/^[0-9a-f]{2}$/.test(folder)) continue
    for (const name of await readdir(join(directory, folder))) {
      if (!isHash(name)) continue
      const { size, mtimeMs } = await stat(join(directory, folder, name))
      found.push({ hash: name, sizeBytes: size, usedAt: mtimeMs })
    }
  }
  return found
}

/** Drafts that can be gone on with; whatever else is there is of no use any more. */
export async function draftsIn(directory: string, now: number): Promise<DraftRecord[]> {
  const found: DraftRecord[] = []
  for (const file of await readdir(directory)) {
    const path = join(directory, file)
    const [, name, total] = /^([0-9a-f]{64}\.[a-z0-9]{1,32})\.(0|[1-9]\d{0,10})$/.exec(file) ?? []
    const { size, mtimeMs } = await stat(path)
    const isUseful = name !== undefined && size <= Number(total) && now - mtimeMs < draftMs
    if (!isUseful || found.some((draft) => draft.name === name)) await rm(path, { recursive: true })
    else found.push({ name, totalBytes: Number(total), receivedBytes: size, usedAt: mtimeMs })
  }
  return found
}

/** At most `length` bytes from `offset` on. */
export async function readPart(path: string, offset: number, length: number): Promise<Uint8Array> {
  const file = await open(path, 'r')
  try {
    const left = Math.max(0, (await file.stat()).size - offset)
    const bytes = new Uint8Array(Math.min(length, left))
    let at = 0
    while (at < bytes.length) {
      const { bytesRead } = await file.read(bytes, at, bytes.length - at, offset + at)
      if (bytesRead === 0) break
      at += bytesRead
    }
    return bytes.subarray(0, at)
  } finally {
    await file.close()
  }
}

/** SHA-256 in hex, with a bounded part of the file in memory. */
export async function hashOfFile(path: string): Promise<string> {
  const sha256 = createHash('sha256')
  const file = await open(path, 'r')
  try {
    const buffer = Buffer.allocUnsafe(checkBytes)
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null)
      if (bytesRead === 0) return sha256.digest('hex')
      sha256.update(buffer.subarray(0, bytesRead))
    }
  } finally {
    await file.close()
  }
}
