/** Items by ascending key; those of one key in the order they were added. A 4-ary heap. */
export class Heap<T> {
  readonly #keys: number[] = []
  readonly #orders: number[] = []
  readonly #items: T[] = []
  #nextOrder = 0

  get size(): number {
    return this.#items.length
  }

  get nextKey(): number | undefined {
    return this.#keys[0]
  }

  add(key: number, item: T): void {
    const order = this.#nextOrder++
    let at = this.#items.length
    this.#keys.push(key)
    this.#orders.push(order)
    this.#items.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 2
      if (!this.#before(key, order, parent)) break
      this.#move(parent, at)
      at = parent
    }
    this.#place(at, key, order, item)
  }

  peek(): T | undefined {
    return this.#items[0]
  }

  /** The first item; its key is `nextKey` before the call. */
  take(): T | undefined {
    const first = this.#items[0]
    if (first === undefined) return undefined
    const key = this.#keys.pop()!
    const order = this.#orders.pop()!
    const item = this.#items.pop()!
    const size = this.#items.length
    if (size === 0) return first
    let at = 0
    for (;;) {
      const child = this.#leastChild(at, size)
      if (child < 0 || this.#before(key, order, child)) break
      this.#move(child, at)
      at = child
    }
    this.#place(at, key, order, item)
    return first
  }

  #leastChild(at: number, size: number): number {
    const firstChild = 4 * at + 1
    if (firstChild >= size) return -1
    let least = firstChild
    for (let child = firstChild + 1; child < Math.min(firstChild + 4, size); child++) {
      if (this.#before(this.#keys[child]!, this.#orders[child]!, least)) least = child
    }
    return least
  }

  #before(key: number, order: number, other: number): boolean {
    const otherKey = this.#keys[other]!
    return key < otherKey || (key === otherKey && order < this.#orders[other]!)
  }

  #move(from: number, to: number): void {
    this.#place(to, this.#keys[from]!, this.#orders[from]!, this.#items[from]!)
  }

  #place(at: number, key: number, order: number, item: T): void {
    this.#keys[at] = key
    this.#orders[at] = order
    this.#items[at] = item
  }
}
