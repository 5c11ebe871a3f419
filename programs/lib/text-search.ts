import { foldCase } from './letters'
import { endOf, pointAt, pointBytes, startOf } from './utf'

/**
 * Finds a plain text in another, from left to right and without overlap. What differs by case only (simple case folding) is the
 * same if so asked. Knuth, Morris and Pratt: no input takes longer than its length.
 */
@final
export class TextSearch {
  /** The current find's UTF-16; `end` is behind it. */
  start: usize = 0
  end: usize = 0
  private at: usize
  private textEnd: usize
  private points: StaticArray<u32>
  /** For each count of points that fit: how many still fit when the next one does not. */
  private fallbacks: StaticArray<i32>
  private starts: StaticArray<usize>

  constructor(
    readonly text: string,
    readonly query: string,
    private ignoresCase: bool,
  ) {
    this.at = startOf(text)
    this.textEnd = endOf(text)
    const points = pointsOf(query, ignoresCase)
    this.points = points
    this.starts = new StaticArray<usize>(points.length)
    this.fallbacks = new StaticArray<i32>(points.length + 1)
    let fitting = 0
    for (let i = 1; i < points.length; i++) {
      while (fitting > 0 && points[i] != points[fitting]) fitting = this.fallbacks[fitting]
      if (points[i] == points[fitting]) fitting++
      this.fallbacks[i + 1] = fitting
    }
  }

  /** Goes to the next find; false when there is none. */
  next(): bool {
    const length = this.points.length
    // Folding may join characters of one and of two units: starts are kept for as many points as the query has.
    const starts = this.starts
    let fitting = 0
    let count = 0
    while (this.at < this.textEnd) {
      const found = pointAt(this.at, this.textEnd)
      const point = this.ignoresCase ? foldCase(found) : found
      starts[count % length] = this.at
      count++
      this.at += pointBytes(found)
      while (fitting > 0 && point != this.points[fitting]) fitting = this.fallbacks[fitting]
      if (point == this.points[fitting]) fitting++
      if (fitting == length) {
        this.start = starts[count % length]
        this.end = this.at
        return true
      }
    }
    return false
  }
}

function pointsOf(query: string, folds: bool): StaticArray<u32> {
  const points: Array<u32> = []
  const end = endOf(query)
  for (let at = startOf(query); at < end; ) {
    const point = pointAt(at, end)
    points.push(folds ? foldCase(point) : point)
    at += pointBytes(point)
  }
  return StaticArray.fromArray(points)
}
