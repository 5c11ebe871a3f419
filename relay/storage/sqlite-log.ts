import { readFileSync, statSync } from 'node:fs'

/** sqlite.org/fileformat2.html, "The Write-Ahead Log": by the byte order of its checksums. */
const magicLittleEndian = 0x377f0682
const magicBigEndian = 0x377f0683
const headerBytes = 32
const frameHeaderBytes = 24

/** What a run that did not close the database left in its write-ahead log, in pages. */
export interface LeftInLog {
  /** Up to the last commit that is whole: SQLite goes on from them. */
  readonly whole: number
  /** Behind that: of a commit that was never acknowledged. SQLite drops them, and says nothing of it. */
  readonly dropped: number
}

/**
 * Looks through the log of the database at `path` before SQLite does, which takes what is damaged for the log's end.
 * Throws when commits that were acknowledged stand behind the damage: opening the database would remove them.
 */
export function checkLog(path: string): LeftInLog {
  for (let tries = 1; ; tries++) {
    const before = stateOf(path)
    try {
      return readLog(path)
    } catch (error) {
      // Another process may be writing it, whose lock is met next; damage stays as it is.
      if (tries === triesMax) return { whole: 0, dropped: 0 }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, againMs)
      if (stateOf(path) === before) throw error
    }
  }
}

const againMs = 300
const triesMax = 5

function stateOf(path: string): string {
  const { size, mtimeMs } = statSync(`${path}-wal`, { throwIfNoEntry: false }) ?? {}
  return `${size} ${mtimeMs}`
}

function readLog(path: string): LeftInLog {
  const log = `${path}-wal`
  if (statSync(log, { throwIfNoEntry: false }) === undefined) return { whole: 0, dropped: 0 }
  const bytes = readFileSync(log)
  if (bytes.length <= headerBytes) return { whole: 0, dropped: 0 }
  const magic = bytes.readUInt32BE(0)
  if (magic !== magicLittleEndian && magic !== magicBigEndian) throw damaged(log)
  const checksum = new Checksum(magic === magicLittleEndian)
  checksum.add(bytes.subarray(0, 24))
  if (!checksum.equals(bytes.subarray(24, headerBytes))) throw damaged(log)

  const left = readFrames(bytes, checksum, log)
  // SQLite drops a log whose database is not there.
  if (left.whole > 0 && statSync(path, { throwIfNoEntry: false })?.size === 0)
    throw new Error(
      `it is gone or empty, and its write-ahead log ${log} is there; restore both from a backup`,
    )
  return left
}

/** `checksum` is that of the header, which is right. */
function readFrames(bytes: Buffer, checksum: Checksum, log: string): LeftInLog {
  const frameBytes = frameHeaderBytes + bytes.readUInt32BE(8)
  const salts = bytes.subarray(16, 24)
  let [pages, whole, isIntact, commitIsLost] = [0, 0, true, false]
  for (let at = headerBytes; at < bytes.length; at += frameBytes) {
    const frame = bytes.subarray(at, at + frameBytes)
    // What is left of an earlier log has other salts, and is in the database. A power cut may keep some of it where pages
    // of the last commit should be.
    if (frame.length >= 16 && !frame.subarray(8, 16).equals(salts)) {
      isIntact = false
      continue
    }
    // A commit is on the disk before anything is written behind it.
    if (commitIsLost) throw damaged(log)
    pages++
    if (isIntact && frame.length === frameBytes) {
      checksum.add(frame.subarray(0, 8))
      checksum.add(frame.subarray(frameHeaderBytes))
      isIntact = checksum.equals(frame.subarray(16, frameHeaderBytes))
    } else {
      isIntact = false
    }
    const commits = frame.length >= 8 && frame.readUInt32BE(4) !== 0
    if (isIntact && commits) whole = pages
    commitIsLost = !isIntact && commits
  }
  return { whole, dropped: pages - whole }
}

const damaged = (log: string): Error =>
  new Error(
    `its write-ahead log ${log} is damaged, and acknowledged writes with it; restore the folder from a backup, or remove that file to go on without its last writes`,
  )

/** Over all that was added, as SQLite's. */
class Checksum {
  readonly #isLittleEndian: boolean
  #first = 0
  #second = 0

  constructor(isLittleEndian: boolean) {
    this.#isLittleEndian = isLittleEndian
  }

  /** `bytes` are a multiple of 8. */
  add(bytes: Uint8Array): void {
    const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    for (let at = 0; at < bytes.length; at += 8) {
      this.#first = (this.#first + words.getUint32(at, this.#isLittleEndian) + this.#second) >>> 0
      this.#second = (this.#second + words.getUint32(at + 4, this.#isLittleEndian) + this.#first) >>> 0
    }
  }

  equals(written: Buffer): boolean {
    return written.readUInt32BE(0) === this.#first && written.readUInt32BE(4) === this.#second
  }
}
