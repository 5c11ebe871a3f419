import { stringOf } from './utf'

/** Counts strings that are parts of texts in memory, without making a string of each. Entries are numbered as they come. */
@final
export class TermTable {
  /** Entries. */
  size: i32 = 0
  private starts: Array<usize> = []
  private ends: Array<usize> = []
  private counts: Array<i32> = []
  private hashes: Array<u32> = []
  private slots: StaticArray<i32> = new StaticArray<i32>(1 << 10)

  /** Counts the UTF-16 between two addresses once more; returns the number of its entry. */
  add(start: usize, end: usize): i32 {
    const hash = hashOf(start, end)
    const slot = this.slotOf(start, end, hash)
    const known = this.slots[slot] - 1
    if (known >= 0) {
      this.counts[known]++
      return known
    }
    const entry = this.size++
    this.slots[slot] = entry + 1
    this.starts.push(start)
    this.ends.push(end)
    this.counts.push(1)
    this.hashes.push(hash)
    if (this.size << 1 > this.slots.length) this.grow()
    return entry
  }

  count(entry: i32): i32 {
    return this.counts[entry]
  }

  text(entry: i32): string {
    return stringOf(this.starts[entry], this.ends[entry])
  }

  /** Order of two entries by their code units. */
  compare(a: i32, b: i32): i32 {
    let at = this.starts[a]
    let other = this.starts[b]
    const end = this.ends[a]
    const otherEnd = this.ends[b]
    while (at < end && other < otherEnd) {
      const order = <i32>load<u16>(at) - <i32>load<u16>(other)
      if (order != 0) return order
      at += 2
      other += 2
    }
    return i32(at < end) - i32(other < otherEnd)
  }

  /** An entry that is written like an index of an array, as that index; -1 for others. */
  index(entry: i32): i64 {
    const start = this.starts[entry]
    const end = this.ends[entry]
    if (end - start > 20 || (load<u16>(start) == 0x30 && end - start > 2)) return -1
    let value: i64 = 0
    for (let at = start; at < end; at += 2) {
      const digit = <u32>load<u16>(at) - 0x30
      if (digit > 9) return -1
      value = value * 10 + digit
    }
    return value < 0xffffffff ? value : -1
  }

  private slotOf(start: usize, end: usize, hash: u32): i32 {
    const mask = this.slots.length - 1
    let slot = <i32>hash & mask
    while (true) {
      const entry = this.slots[slot] - 1
      if (entry < 0) return slot
      const length = this.ends[entry] - this.starts[entry]
      const isSame =
        this.hashes[entry] == hash && length == end - start && memory.compare(this.starts[entry], start, length) == 0
      if (isSame) return slot
      slot = (slot + 1) & mask
    }
  }

  private grow(): void {
    const mask = (this.slots.length << 1) - 1
    const slots = new StaticArray<i32>(mask + 1)
    for (let entry = 0; entry < this.size; entry++) {
      let slot = <i32>this.hashes[entry] & mask
      while (slots[slot] != 0) slot = (slot + 1) & mask
      slots[slot] = entry + 1
    }
    this.slots = slots
  }
}

function hashOf(start: usize, end: usize): u32 {
  let hash: u32 = 0x811c9dc5
  for (let at = start; at < end; at += 2) hash = (hash ^ load<u16>(at)) * 0x01000193
  hash ^= hash >>> 15
  hash *= 0x2c1b3c6d
  return hash ^ (hash >>> 13)
}
