import { invariant } from './invariant.ts'

/**
 * A map with a named cap. Full is said by `set` returning false; nothing is evicted unasked.
 * Iterates in insertion order.
 */
export class BoundedMap<K, V> {
  readonly name: string
  readonly entriesMax: number
  readonly #map = new Map<K, V>()

  constructor(name: string, entriesMax: number) {
    this.name = name
    this.entriesMax = entriesMax
  }

  get size(): number {
    return this.#map.size
  }

  get full(): boolean {
    return this.#map.size >= this.entriesMax
  }

  get(key: K): V | undefined {
    return this.#map.get(key)
  }

  has(key: K): boolean {
    return this.#map.has(key)
  }

  /** False when the key is new and the map is full; the map is then unchanged. */
  set(key: K, value: V): boolean {
    if (this.full && !this.#map.has(key)) return false
    this.#map.set(key, value)
    return true
  }

  /** As `set`, where the caller has made room before. */
  mustSet(key: K, value: V): void {
    invariant(this.set(key, value), `${this.name} holds more than ${this.entriesMax} entries`)
  }

  /** As `set`, with the oldest entries dropped to make room. */
  setDroppingOldest(key: K, value: V): void {
    if (this.full && !this.#map.has(key)) {
      for (const oldest of this.#map.keys()) {
        this.#map.delete(oldest)
        break
      }
    }
    this.#map.set(key, value)
  }

  delete(key: K): boolean {
    return this.#map.delete(key)
  }

  keys(): IterableIterator<K> {
    return this.#map.keys()
  }

  values(): IterableIterator<V> {
    return this.#map.values()
  }

  entries(): IterableIterator<[K, V]> {
    return this.#map.entries()
  }
}
