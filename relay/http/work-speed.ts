const bucketMs = 250
/** Two minutes. */
const buckets = 480

interface Bucket {
  /** Number since 1970, to know an old one that stands in its place. */
  at: number
  ends: number
  /** Bounds of the time in which a task waited, and of that in which workers had one. */
  waited: Span
  worked: Span
}

interface Span {
  from: number
  to: number
}

/**
 * How fast tasks end while others wait, over the last two minutes: that is what the workers can do. Time in which nothing
 * waited says what was asked of them instead, and time in which nobody worked that they were not here.
 */
export class WorkSpeed {
  readonly #ring: (Bucket | undefined)[] = Array.from({ length: buckets }, () => undefined)

  /** Times in Unix ms, in this order. */
  note(acceptedAt: number, assignedAt: number, endedAt: number): void {
    this.#bucket(endedAt).ends++
    this.#mark('waited', acceptedAt, assignedAt, endedAt)
    this.#mark('worked', assignedAt, endedAt, endedAt)
  }

  whileOthersWaited(now: number): { readonly ends: number; readonly ms: number } {
    const oldest = Math.floor(now / bucketMs) - buckets
    let ends = 0
    let ms = 0
    for (const bucket of this.#ring) {
      if (bucket === undefined || bucket.at <= oldest) continue
      const { waited, worked } = bucket
      const both = Math.min(waited.to, worked.to) - Math.max(waited.from, worked.from)
      if (both <= 0) continue
      ends += bucket.ends
      ms += both
    }
    return { ends, ms }
  }

  #mark(what: 'waited' | 'worked', from: number, to: number, now: number): void {
    if (to <= from) return
    const first = Math.max(Math.floor(from / bucketMs), Math.floor(now / bucketMs) - buckets + 1)
    for (let at = first; at * bucketMs < to; at++) {
      const span = this.#bucket(at * bucketMs)[what]
      span.from = Math.min(span.from, Math.max(from, at * bucketMs))
      span.to = Math.max(span.to, Math.min(to, (at + 1) * bucketMs))
    }
  }

  #bucket(time: number): Bucket {
    const at = Math.floor(time / bucketMs)
    const found = this.#ring[at % buckets]
    if (found?.at === at) return found
    const bucket: Bucket = { at, ends: 0, waited: empty(), worked: empty() }
    this.#ring[at % buckets] = bucket
    return bucket
  }
}

const empty = (): Span => ({ from: Number.POSITIVE_INFINITY, to: Number.NEGATIVE_INFINITY })
