import { casedRuns, caseIgnorableRuns, foldRuns, letterRuns, lowerRuns, wordRuns } from './unicode-table'
import { endOf, pointAt, pointBytes, putPoint, startOf } from './utf'

const smallSigma = 0x03c3
const finalSigma = 0x03c2
const largeSigma = 0x03a3
const largeDottedI = 0x0130
const dotAbove = 0x0307

/** A letter, a mark or a number: what words are made of. */
export function isWordPoint(point: u32): bool {
  if (point < 0x80) return (point | 0x20) - 0x61 < 26 || point - 0x30 < 10
  return isInRuns(wordRuns, point)
}

/** A letter. */
export function isLetter(point: u32): bool {
  if (point < 0x80) return (point | 0x20) - 0x61 < 26
  return isInRuns(letterRuns, point)
}

/** The text in lower case, as JavaScript has it: one letter for one, but for the dotted I and the sigma at a word's end. */
export function toLowerCase(text: string): string {
  const start = startOf(text)
  const end = endOf(text)
  const room = __new((end - start) << 1, idof<string>())
  let to = room
  for (let at = start; at < end; ) {
    const point = pointAt(at, end)
    const next = at + pointBytes(point)
    if (point < 0x80) {
      store<u16>(to, point - 0x41 < 26 ? point | 0x20 : point)
      to += 2
    } else if (point == largeDottedI) {
      store<u16>(to, 0x69)
      store<u16>(to, dotAbove, 2)
      to += 4
    } else if (point == largeSigma) {
      store<u16>(to, endsWord(start, at, next, end) ? finalSigma : smallSigma)
      to += 2
    } else {
      to = putPoint(to, mapped(lowerRuns, point))
    }
    at = next
  }
  return changetype<string>(__renew(room, to - room))
}

/** A code point that stands for all that differ from it by case only (simple case folding). */
export function foldCase(point: u32): u32 {
  if (point < 0x80 && point - 0x41 >= 26 && point - 0x61 >= 26) return point
  return mapped(foldRuns, point)
}

/** Whether a value lies in one of the runs, given as first and last in rising order. */
export function isInRuns(runs: StaticArray<u32>, point: u32): bool {
  let low = 0
  let high = runs.length >>> 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (point > unchecked(runs[(middle << 1) + 1])) low = middle + 1
    else high = middle
  }
  return low < runs.length >>> 1 && point >= unchecked(runs[low << 1])
}

/** Runs are first, last, distance and what is added. */
function mapped(runs: StaticArray<i32>, point: u32): u32 {
  let low = 0
  let high = runs.length >>> 2
  while (low < high) {
    const middle = (low + high) >>> 1
    if (point > <u32>unchecked(runs[(middle << 2) + 1])) low = middle + 1
    else high = middle
  }
  if (low == runs.length >>> 2) return point
  const first = <u32>unchecked(runs[low << 2])
  if (point < first) return point
  // The distance is 1 or 2.
  if (((point - first) & (unchecked(runs[(low << 2) + 2]) - 1)) != 0) return point
  return point + unchecked(runs[(low << 2) + 3])
}

/** Unicode's Final_Sigma: a cased letter before, none after, and what case looks through in between. */
function endsWord(start: usize, at: usize, next: usize, end: usize): bool {
  let before = at
  let isCased = false
  while (before > start) {
    before -= 2
    if (
      (load<u16>(before) & 0xfc00) == 0xdc00 &&
      before > start &&
      (load<u16>(before - 2) & 0xfc00) == 0xd800
    )
      before -= 2
    const point = pointAt(before, end)
    if (isInRuns(caseIgnorableRuns, point)) continue
    isCased = isInRuns(casedRuns, point)
    break
  }
  if (!isCased) return false
  let after = next
  while (after < end) {
    const point = pointAt(after, end)
    if (!isInRuns(caseIgnorableRuns, point)) return !isInRuns(casedRuns, point)
    after += pointBytes(point)
  }
  return true
}
