import type { Hash } from '../kernel/ids.ts'
import { type BlobLimits, BlobRefusal, type DraftState, draftMs } from './blob-store.ts'

export interface BlobRecord {
  readonly hash: Hash
  readonly sizeBytes: number
  /** Unix milliseconds. */
  readonly usedAt: number
}

export interface DraftRecord extends DraftState {
  readonly name: string
  readonly usedAt: number
}

/** What has to be deleted now, before the room it took is used again; it is no longer in the catalog. */
export interface Evicted {
  readonly blobs: readonly Hash[]
  readonly drafts: readonly string[]
}

interface Blob {
  readonly sizeBytes: number
  usedAt: number
  /** The time of use as the store has written it down. */
  notedAt: number
  isChecked: boolean
}

interface Draft {
  readonly totalBytes: number
  receivedBytes: number
  usedAt: number
  isOpen: boolean
}

/** Blobs in one store, whatever their size: each costs about 200 bytes here. */
const blobsMax = 250_000
const draftsMax = 256
/** Times of use are written down this coarsely, in ms. */
const noteEveryMs = 10 * 60_000
/** Evicting frees this share of the store besides what is needed, so that it is not done anew for every blob. */
const spareShare = 1 / 16

/**
 * What a blob store holds, when each blob was last used, and what goes when there is no room. The store does the
 * deleting; the catalog decides.
 *
 * Invariants: (1) the bytes of blobs and drafts and those reserved never exceed `totalBytesMax`; (2) what is pinned or
 * named by a view is not evicted, nor a draft that is open; (3) drafts go before blobs, the longest unused first.
 */
export class BlobCatalog {
  #limits: BlobLimits
  readonly #clock: () => number
  /** The longest unused first. */
  readonly #blobs = new Map<Hash, Blob>()
  readonly #drafts = new Map<string, Draft>()
  readonly #pins = new Map<Hash, number>()
  readonly #views: (() => Iterable<Hash>)[] = []
  #usedBytes = 0

  constructor(
    limits: BlobLimits,
    clock: () => number,
    blobs: Iterable<BlobRecord>,
    drafts: Iterable<DraftRecord>,
  ) {
    this.#limits = limits
    this.#clock = clock
    const byUse = (a: { usedAt: number }, b: { usedAt: number }): number => a.usedAt - b.usedAt
    for (const { hash, sizeBytes, usedAt } of [...blobs].sort(byUse)) {
      this.#blobs.set(hash, { sizeBytes, usedAt, notedAt: usedAt, isChecked: false })
      this.#usedBytes += sizeBytes
    }
    for (const { name, totalBytes, receivedBytes, usedAt } of [...drafts].sort(byUse)) {
      this.#drafts.set(name, { totalBytes, receivedBytes, usedAt, isOpen: false })
      this.#usedBytes += receivedBytes
    }
  }

  /** What is beyond a lower limit goes when room is wanted the next time. */
  limitTo(totalBytesMax: number): void {
    this.#limits = { ...this.#limits, totalBytesMax }
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  sizeOf(hash: Hash): number | undefined {
    return this.#blobs.get(hash)?.sizeBytes
  }

  /** Notes that the blob is used now. True when it is time to write that down: then with `clock`'s time. */
  touch(hash: Hash): boolean {
    const blob = this.#blobs.get(hash)
    if (blob === undefined) return false
    this.#blobs.delete(hash)
    this.#blobs.set(hash, blob)
    blob.usedAt = this.#clock()
    if (blob.usedAt - blob.notedAt < noteEveryMs) return false
    blob.notedAt = blob.usedAt
    return true
  }

  isChecked(hash: Hash): boolean {
    return this.#blobs.get(hash)?.isChecked ?? false
  }

  checked(hash: Hash): void {
    const blob = this.#blobs.get(hash)
    if (blob !== undefined) blob.isChecked = true
  }

  /** Sets room aside for a blob, until `add` or `release`. Throws a BlobRefusal `TooLarge` or `Full`. */
  reserve(sizeBytes: number): Evicted {
    this.#checkSize(sizeBytes)
    const evicted = this.#makeRoom(sizeBytes, sizeBytes)
    this.#usedBytes += sizeBytes
    return evicted
  }

  release(sizeBytes: number): void {
    this.#usedBytes -= sizeBytes
  }

  /** A blob that room was reserved for is there, and right. */
  add(hash: Hash, sizeBytes: number): void {
    if (this.#blobs.has(hash)) return this.release(sizeBytes)
    const now = this.#clock()
    this.#blobs.set(hash, { sizeBytes, usedAt: now, notedAt: now, isChecked: true })
  }

  remove(hash: Hash): void {
    const blob = this.#blobs.get(hash)
    if (blob === undefined) return
    this.#blobs.delete(hash)
    this.#usedBytes -= blob.sizeBytes
  }

  // ——— drafts ———

  draft(name: string): DraftState | undefined {
    const draft = this.#drafts.get(name)
    return draft === undefined || this.#isExpired(draft) ? undefined : draft
  }

  /** Opens the draft, or a new one in the place of one for another size. Throws a BlobRefusal. */
  openDraft(name: string, totalBytes: number): Evicted {
    this.#checkSize(totalBytes)
    const there = this.#drafts.get(name)
    if (there?.isOpen) {
      throw new BlobRefusal('Busy', `The blob ${name.slice(0, 64)} is being received already`)
    }
    const isOf = there !== undefined && there.totalBytes === totalBytes && !this.#isExpired(there)
    const receivedBytes = isOf ? there.receivedBytes : 0
    // Open from here on, so that it is not what goes for itself.
    if (isOf) there.isOpen = true
    const gone: string[] = []
    try {
      const { blobs, drafts } = this.#makeRoom(totalBytes - receivedBytes, totalBytes)
      if (there !== undefined && !isOf) gone.push(this.#drop(name))
      if (!isOf && this.#drafts.size >= draftsMax) gone.push(this.#drop(this.#oldestIdleDraft()))
      this.#drafts.delete(name)
      this.#drafts.set(name, { totalBytes, receivedBytes, usedAt: this.#clock(), isOpen: true })
      return { blobs, drafts: [...drafts, ...gone] }
    } catch (error) {
      if (isOf) there.isOpen = false
      throw error
    }
  }

  /** Sets room aside for bytes that are added to an open draft. Throws a BlobRefusal `Full` or a RangeError. */
  growDraft(name: string, bytes: number): Evicted {
    const draft = this.#drafts.get(name)!
    if (draft.receivedBytes + bytes > draft.totalBytes) {
      throw new RangeError(`${bytes} bytes after ${draft.receivedBytes} of ${draft.totalBytes} are too many`)
    }
    const evicted = this.#makeRoom(bytes, draft.totalBytes)
    this.#usedBytes += bytes
    draft.receivedBytes += bytes
    draft.usedAt = this.#clock()
    return evicted
  }

  /** The bytes could not be written after all. */
  shrinkDraft(name: string, bytes: number): void {
    const draft = this.#drafts.get(name)
    if (draft === undefined) return
    draft.receivedBytes -= bytes
    this.#usedBytes -= bytes
  }

  closeDraft(name: string): void {
    const draft = this.#drafts.get(name)
    if (draft === undefined) return
    draft.isOpen = false
    this.#drafts.delete(name)
    this.#drafts.set(name, draft)
  }

  dropDraft(name: string): void {
    this.#usedBytes -= this.#drafts.get(name)?.receivedBytes ?? 0
    this.#drafts.delete(name)
  }

  /** The draft has become the blob. */
  finishDraft(name: string, hash: Hash): void {
    const sizeBytes = this.#drafts.get(name)?.receivedBytes ?? 0
    this.#drafts.delete(name)
    this.add(hash, sizeBytes)
  }

  /** Takes expired drafts out and says which. */
  expireDrafts(): string[] {
    const expired = [...this.#drafts].filter(([, draft]) => this.#isExpired(draft)).map(([name]) => name)
    for (const name of expired) this.dropDraft(name)
    return expired
  }

  // ——— what may go ———

  pin(hash: Hash): () => void {
    this.#pins.set(hash, (this.#pins.get(hash) ?? 0) + 1)
    let isPinned = true
    return () => {
      if (!isPinned) return
      isPinned = false
      const left = this.#pins.get(hash)! - 1
      if (left === 0) this.#pins.delete(hash)
      else this.#pins.set(hash, left)
    }
  }

  protect(inUse: () => Iterable<Hash>): void {
    this.#views.push(inUse)
  }

  /** Takes blobs out that were not used for so long, the longest unused first, and says which. */
  takeUnused(unusedMs: number, most: number): Hash[] {
    const before = this.#clock() - unusedMs
    const unused: Hash[] = []
    let inUse: ReadonlySet<Hash> | undefined
    for (const [hash, { usedAt }] of this.#blobs) {
      if (usedAt > before || unused.length >= most) break
      inUse ??= this.#inUse()
      if (!inUse.has(hash)) unused.push(hash)
    }
    for (const hash of unused) this.remove(hash)
    return unused
  }

  /** Takes out what frees at least so many bytes, as when the disk is full before the limit; less when less can go. */
  takeForRoom(bytes: number): Evicted {
    return this.#take(this.#candidates(bytes, 0))
  }

  #makeRoom(neededBytes: number, sizeBytes: number): Evicted {
    const { totalBytesMax, evicts = false } = this.#limits
    const lackingBytes = this.#usedBytes + neededBytes - totalBytesMax
    const lackingPlaces = this.#blobs.size + this.#drafts.size >= blobsMax ? 1 : 0
    if (lackingBytes <= 0 && lackingPlaces === 0) return { blobs: [], drafts: [] }
    const found = this.#candidates(Math.max(0, lackingBytes), lackingPlaces)
    const isEnough = found.freedBytes >= lackingBytes && found.count >= lackingPlaces
    if (isEnough) return this.#take(found)
    const used = `${this.#usedBytes} of ${totalBytesMax} bytes are used`
    const why = evicts ? `${used}, by what is needed` : used
    throw new BlobRefusal('Full', `A blob of ${sizeBytes} bytes does not fit: ${why}`)
  }

  #candidates(bytes: number, places: number) {
    const found = { blobs: [] as Hash[], drafts: [] as string[], freedBytes: 0, count: 0 }
    const note = (sizeBytes: number): void => {
      found.freedBytes += sizeBytes
      found.count++
    }
    for (const [name, { receivedBytes, isOpen }] of this.#drafts) {
      if (found.freedBytes >= bytes && found.count >= places) return found
      if (isOpen) continue
      found.drafts.push(name)
      note(receivedBytes)
    }
    if (this.#limits.evicts !== true || (found.freedBytes >= bytes && found.count >= places)) return found
    const wanted = bytes + Math.floor(this.#limits.totalBytesMax * spareShare)
    const inUse = this.#inUse()
    for (const [hash, { sizeBytes }] of this.#blobs) {
      if (found.freedBytes >= wanted && found.count >= places) return found
      if (inUse.has(hash)) continue
      found.blobs.push(hash)
      note(sizeBytes)
    }
    return found
  }

  #take({ blobs, drafts }: Evicted): Evicted {
    for (const hash of blobs) this.remove(hash)
    for (const name of drafts) this.dropDraft(name)
    return { blobs, drafts }
  }

  #inUse(): ReadonlySet<Hash> {
    const inUse = new Set<Hash>(this.#pins.keys())
    for (const view of this.#views) for (const hash of view()) inUse.add(hash)
    return inUse
  }

  #drop(name: string): string {
    this.dropDraft(name)
    return name
  }

  #oldestIdleDraft(): string {
    for (const [name, { isOpen }] of this.#drafts) if (!isOpen) return name
    throw new BlobRefusal('Full', `${draftsMax} blobs are being received already`)
  }

  #isExpired({ isOpen, usedAt }: Draft): boolean {
    return !isOpen && this.#clock() - usedAt >= draftMs
  }

  #checkSize(sizeBytes: number): void {
    const { blobBytesMax } = this.#limits
    if (sizeBytes <= blobBytesMax) return
    throw new BlobRefusal(
      'TooLarge',
      `A blob of ${sizeBytes} bytes is over the limit of ${blobBytesMax} bytes`,
    )
  }
}
