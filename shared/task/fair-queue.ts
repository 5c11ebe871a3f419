import { Heap } from '../kernel/heap.ts'
import type { PeerId } from '../kernel/ids.ts'
import type { TaskRecord } from './task-record.ts'

interface Entry {
  readonly record: TaskRecord
  isHere: boolean
}

interface Backlog {
  count: number
  /** The turn of its last task. */
  turn: number
}

/** Entries that were taken out are passed over when they come up; beyond so many the heaps are made anew. */
const goneMax = 1_024

/**
 * Tasks in turns (start-time fair queuing: Goyal, Vin, Cheng 1996, with every task of weight 1): each submitter's tasks
 * in the order they came, and of those that wait, each submitter's next one before any submitter's next but one. A task
 * that comes to an empty backlog takes its turn now, however many another has waiting.
 */
export class FairQueue {
  readonly #backlogs = new Map<PeerId, Backlog>()
  readonly #entries = new Map<TaskRecord, Entry>()
  /** By the number of workers that a task wants at once. */
  readonly #heaps = new Map<number, Heap<Entry>>()
  #turn = 0
  #gone = 0

  get size(): number {
    return this.#entries.size
  }

  add(record: TaskRecord): void {
    if (this.#entries.has(record)) return
    const { submitter } = record.submission.task
    const backlog = this.#backlogs.get(submitter) ?? { count: 0, turn: this.#turn }
    this.#backlogs.set(submitter, backlog)
    backlog.count++
    backlog.turn = Math.max(this.#turn, backlog.turn) + 1
    const entry = { record, isHere: true }
    this.#entries.set(record, entry)
    this.#heapOf(record.replicasWanted()).add(backlog.turn, entry)
  }

  delete(record: TaskRecord): boolean {
    const entry = this.#entries.get(record)
    if (entry === undefined) return false
    entry.isHere = false
    this.#entries.delete(record)
    const { submitter } = record.submission.task
    const backlog = this.#backlogs.get(submitter)!
    if (--backlog.count === 0) this.#backlogs.delete(submitter)
    if (++this.#gone > goneMax + this.#entries.size) this.#compact()
    return true
  }

  /** Whose turn it is among those that want at most `workers` at once. */
  first(workers: number): TaskRecord | undefined {
    let best: Entry | undefined
    let turn = Number.POSITIVE_INFINITY
    for (const [wanted, heap] of this.#heaps) {
      if (wanted > workers) continue
      const head = this.#head(heap)
      if (head === undefined || heap.nextKey! > turn) continue
      // Of two whose turn it is, the one that came first.
      if (heap.nextKey! === turn && head.record.order > best!.record.order) continue
      best = head
      turn = heap.nextKey!
    }
    if (best !== undefined) this.#turn = Math.max(this.#turn, turn)
    return best?.record
  }

  /** In the order they came. */
  records(): IterableIterator<TaskRecord> {
    return this.#entries.keys()
  }

  #head(heap: Heap<Entry>): Entry | undefined {
    for (;;) {
      const head = heap.peek()
      if (head === undefined || head.isHere) return head
      heap.take()
      this.#gone--
    }
  }

  #heapOf(wanted: number): Heap<Entry> {
    let heap = this.#heaps.get(wanted)
    if (heap === undefined) {
      heap = new Heap()
      this.#heaps.set(wanted, heap)
    }
    return heap
  }

  #compact(): void {
    for (const [wanted, heap] of this.#heaps) {
      const kept = new Heap<Entry>()
      while (heap.size > 0) {
        const { nextKey: key } = heap
        const entry = heap.take()!
        if (entry.isHere) kept.add(key!, entry)
      }
      if (kept.size > 0) this.#heaps.set(wanted, kept)
      else this.#heaps.delete(wanted)
    }
    this.#gone = 0
  }
}
