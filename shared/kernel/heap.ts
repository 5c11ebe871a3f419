/** A binary min-heap; ties come out in the order they went in. */
export class Heap<T> {
  readonly #items: { readonly key: number; readonly order: number; readonly value: T }[] = []
  #order = 0

  get size(): number {
    return this.#items.length
  }

  peek(): T | undefined {
    return this.#items[0]?.value
  }

  /** The key of the first. */
  get key(): number | undefined {
    return this.#items[0]?.key
  }

  add(key: number, value: T): void {
    const items = this.#items
    const item = { key, order: this.#order++, value }
    let at = items.length
    items.push(item)
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!isBefore(item, items[above]!)) break
      items[at] = items[above]!
      at = above
    }
    items[at] = item
  }

  take(): T | undefined {
    const items = this.#items
    const first = items[0]
    const last = items.pop()
    if (first === undefined || last === undefined || items.length === 0) return first?.value
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= items.length) break
      if (below + 1 < items.length && isBefore(items[below + 1]!, items[below]!)) below++
      if (!isBefore(items[below]!, last)) break
      items[at] = items[below]!
      at = below
    }
    items[at] = last
    return first.value
  }
}

interface Keyed {
  readonly key: number
  readonly order: number
}

const isBefore = (a: Keyed, b: Keyed): boolean => a.key < b.key || (a.key === b.key && a.order < b.order)
