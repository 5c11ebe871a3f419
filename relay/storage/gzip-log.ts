import { constants, type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib'
import { makePrivateDirectory, syncDirectory } from './files.ts'

/*
 * A file of gzip members, one for each append, which any gzip reads as one text. Each says in an extra field of its head
 * how long it is (as BGZF's do), so that one that a crash cut off is told from the whole ones before it.
 */

/** RFC 1952: mark, deflate, FEXTRA, no time, no flags, unknown system; then the extra field's length. */
const start = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 8, 0, 0x54, 0x4d, 4, 0])
/** With the member's length behind it. */
const headBytes = start.length + 4
const tailBytes = 8

export interface GzipLogEnd {
  /** Where the next member goes. */
  readonly bytes: number
  /** Half written, behind it. */
  readonly brokenBytes: number
}

/** The end of the last whole member. Throws where the file is none of ours. */
export async function endOfGzipLog(file: FileHandle): Promise<GzipLogEnd> {
  const { size } = await file.stat()
  let at = 0
  while (at < size) {
    const head = await read(file, at, headBytes)
    const length = head.length === headBytes ? head.readUInt32LE(start.length) : undefined
    const isOurs = start.equals(head.subarray(0, start.length))
    if (!isOurs && at === 0 && !start.subarray(0, head.length).equals(head))
      throw new Error('the file was not written by this program; move it away')
    const end = at + (length ?? 0)
    if (!isOurs || length === undefined || end > size || !isWhole(await read(file, at, length))) {
      // One append is all that a crash can cut off.
      if ((await read(file, at + 1, size - at)).includes(start))
        throw new Error(`the file is damaged at byte ${at}; move it away`)
      return { bytes: at, brokenBytes: size - at }
    }
    at = end
  }
  return { bytes: at, brokenBytes: 0 }
}

/** Appends a member at `end`, over what is behind it; on the disk when it resolves to the new end. */
export async function appendGzip(file: FileHandle, end: number, text: string): Promise<number> {
  const member = memberOf(Buffer.from(text))
  await file.truncate(end)
  for (let at = 0; at < member.length; ) {
    const { bytesWritten } = await file.write(member, at, member.length - at, end + at)
    at += bytesWritten
  }
  await file.sync()
  return end + member.length
}

/** Opens the file, makes it (0600) and its folder (0700) where they are missing. */
export async function openGzipLog(path: string): Promise<FileHandle> {
  const folder = dirname(path)
  await makePrivateDirectory(folder)
  const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  await syncDirectory(folder)
  await syncDirectory(dirname(folder))
  return file
}

function memberOf(content: Buffer): Buffer {
  const packed = deflateRawSync(content)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(headBytes + packed.length + tailBytes)
  return Buffer.concat([start, length, packed, tailOf(content)])
}

function tailOf(content: Buffer): Buffer {
  const tail = Buffer.alloc(tailBytes)
  tail.writeUInt32LE(crc32(content))
  tail.writeUInt32LE(content.length, 4)
  return tail
}

/** The length of a file may be on the disk before what is in it. */
function isWhole(member: Buffer): boolean {
  try {
    const content = inflateRawSync(member.subarray(headBytes, -tailBytes))
    return tailOf(content).equals(member.subarray(-tailBytes))
  } catch {
    return false
  }
}

async function read(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at)
  return buffer.subarray(0, bytesRead)
}
