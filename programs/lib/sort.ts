/** Sorts by merging, so that what compares equal keeps its order and no input is slow. `values` is changed. */
export function sortBy<C>(
  values: StaticArray<i32>,
  context: C,
  compare: (context: C, a: i32, b: i32) => i32,
): void {
  let from = values
  let to = new StaticArray<i32>(values.length)
  for (let width = 1; width < values.length; width <<= 1) {
    for (let start = 0; start < values.length; start += width << 1) {
      const middle = min(start + width, values.length)
      const end = min(middle + width, values.length)
      let left = start
      let right = middle
      for (let at = start; at < end; at++) {
        const takesLeft = left < middle && (right == end || compare(context, from[left], from[right]) <= 0)
        to[at] = takesLeft ? from[left++] : from[right++]
      }
    }
    const other = from
    from = to
    to = other
  }
  if (from !== values) for (let i = 0; i < values.length; i++) values[i] = from[i]
}

/** 0, 1, 2 … */
export function range(length: i32): StaticArray<i32> {
  const values = new StaticArray<i32>(length)
  for (let i = 0; i < length; i++) values[i] = i
  return values
}
