/** Events in time order; those of one time in the order they were added. A 4-ary heap. */
export class EventHeap<T> {
  readonly #times: number[] = []
  readonly #orders: number[] = []
  readonly #items: T[] = []
  #nextOrder = 0

  get size(): number {
    return this.#items.length
  }

  get nextTime(): number | undefined {
    return this.#times[0]
  }

  add(time: number, item: T): void {
    const order = this.#nextOrder++
    let at = this.#items.length
    this.#times.push(time)
    this.#orders.push(order)
    this.#items.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 2
      if (!this.#before(time, order, parent)) break
      this.#move(parent, at)
      at = parent
    }
    this.#place(at, time, order, item)
  }

  /** The first event; its time is `nextTime` before the call. */
  take(): T | undefined {
    const first = this.#items[0]
    if (first === undefined) return undefined
    const time = this.#times.pop()!
    const order = this.#orders.pop()!
    const item = this.#items.pop()!
    const size = this.#items.length
    if (size === 0) return first
    let at = 0
    for (;;) {
      const child = this.#leastChild(at, size)
      if (child < 0 || this.#before(time, order, child)) break
      this.#move(child, at)
      at = child
    }
    this.#place(at, time, order, item)
    return first
  }

  #leastChild(at: number, size: number): number {
    const firstChild = 4 * at + 1
    if (firstChild >= size) return -1
    let least = firstChild
    for (let child = firstChild + 1; child < Math.min(firstChild + 4, size); child++) {
      if (this.#before(this.#times[child]!, this.#orders[child]!, least)) least = child
    }
    return least
  }

  #before(time: number, order: number, other: number): boolean {
    const otherTime = this.#times[other]!
    return time < otherTime || (time === otherTime && order < this.#orders[other]!)
  }

  #move(from: number, to: number): void {
    this.#place(to, this.#times[from]!, this.#orders[from]!, this.#items[from]!)
  }

  #place(at: number, time: number, order: number, item: T): void {
    this.#times[at] = time
    this.#orders[at] = order
    this.#items[at] = item
  }
}
