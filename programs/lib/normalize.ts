import { isInRuns } from './letters'
import { combiningRuns, compositionOrder, decompositions, suspectRuns } from './unicode-table'
import { endOf, pointAt, pointBytes, putPoint, startOf } from './utf'

// Normalization Form C (Unicode Standard Annex 15): decompose, put marks in order, compose.
const composes: u32 = 0x80000000
const syllableFirst: u32 = 0xac00
const syllables: u32 = 11_172
const leadFirst: u32 = 0x1100
const leads: u32 = 19
const vowelFirst: u32 = 0x1161
const vowels: u32 = 21
/** One before the first that is written. */
const tailBase: u32 = 0x11a7
const tails: u32 = 28
/** No character decomposes to more. */
const longest = 4

/** The text in NFC. */
export function normalize(text: string): string {
  const start = startOf(text)
  const end = endOf(text)
  let points = 0
  let isNormal = true
  for (let at = start; at < end; points++) {
    const point = pointAt(at, end)
    if (point >= 0x300 && isNormal && isInRuns(suspectRuns, point)) isNormal = false
    at += pointBytes(point)
  }
  return isNormal ? text : new Normalizer(points).run(start, end)
}

@final
class Normalizer {
  private points: StaticArray<u32>
  private ranks: StaticArray<u8>
  private length: i32 = 0

  constructor(points: i32) {
    this.points = new StaticArray<u32>(points * longest)
    this.ranks = new StaticArray<u8>(points * longest)
  }

  run(start: usize, end: usize): string {
    for (let at = start; at < end; ) {
      const point = pointAt(at, end)
      this.decompose(point)
      at += pointBytes(point)
    }
    this.compose()
    const room = __new((<usize>this.length) << 2, idof<string>())
    let to = room
    for (let i = 0; i < this.length; i++) to = putPoint(to, this.points[i])
    return changetype<string>(__renew(room, to - room))
  }

  private decompose(point: u32): void {
    if (point - syllableFirst < syllables) {
      const index = point - syllableFirst
      this.append(leadFirst + index / (vowels * tails), 0)
      this.append(vowelFirst + (index % (vowels * tails)) / tails, 0)
      if (index % tails != 0) this.append(tailBase + (index % tails), 0)
      return
    }
    const row = point < 0xc0 ? -1 : decompositionOf(point)
    if (row < 0) {
      this.append(point, rankOf(point))
      return
    }
    this.decompose(decompositions[row + 1] & ~composes)
    const second = decompositions[row + 2]
    if (second != 0) this.append(second, rankOf(second))
  }

  /** Marks move before those of a higher rank. */
  private append(point: u32, rank: u8): void {
    let to = this.length++
    if (rank != 0) {
      for (; to > 0 && this.ranks[to - 1] > rank; to--) {
        this.points[to] = this.points[to - 1]
        this.ranks[to] = this.ranks[to - 1]
      }
    }
    this.points[to] = point
    this.ranks[to] = rank
  }

  private compose(): void {
    let starter = -1
    let length = 0
    let lastRank: i32 = 0
    for (let i = 0; i < this.length; i++) {
      const point = this.points[i]
      const rank: i32 = this.ranks[i]
      // A mark meets its starter if nothing between them has its rank or a higher one.
      const isNear = starter >= 0 && (starter == length - 1 || (lastRank < rank && lastRank != 0))
      const composed = isNear ? composition(this.points[starter], point) : 0
      if (composed != 0) {
        this.points[starter] = composed
        continue
      }
      if (rank == 0) starter = length
      lastRank = rank
      this.points[length++] = point
    }
    this.length = length
  }
}

/** Index of a character's row, or -1. */
function decompositionOf(point: u32): i32 {
  let low = 0
  let high = decompositions.length / 3
  while (low < high) {
    const middle = (low + high) >>> 1
    const found = decompositions[middle * 3]
    if (found == point) return middle * 3
    if (found < point) low = middle + 1
    else high = middle
  }
  return -1
}

/** What the two compose to, or 0. */
function composition(first: u32, second: u32): u32 {
  if (first - leadFirst < leads && second - vowelFirst < vowels) {
    return syllableFirst + ((first - leadFirst) * vowels + (second - vowelFirst)) * tails
  }
  if (
    first - syllableFirst < syllables &&
    (first - syllableFirst) % tails == 0 &&
    second - tailBase - 1 < tails - 1
  ) {
    return first + second - tailBase
  }
  let low = 0
  let high = compositionOrder.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const row = <i32>compositionOrder[middle] * 3
    const knownFirst = decompositions[row + 1] & ~composes
    const knownSecond = decompositions[row + 2]
    if (knownFirst == first && knownSecond == second) return decompositions[row]
    if (knownFirst < first || (knownFirst == first && knownSecond < second)) low = middle + 1
    else high = middle
  }
  return 0
}

function rankOf(point: u32): u8 {
  if (point < 0x300) return 0
  let low = 0
  let high = combiningRuns.length / 3
  while (low < high) {
    const middle = (low + high) >>> 1
    if (point > combiningRuns[middle * 3 + 1]) low = middle + 1
    else high = middle
  }
  const isIn = low * 3 < combiningRuns.length && point >= combiningRuns[low * 3]
  return isIn ? <u8>combiningRuns[low * 3 + 2] : 0
}
