/** Splits a list so that no part has more than `entriesMax` items or, unless it is one item, `bytesMax` bytes. */
export function chunks<T>(
  items: readonly T[],
  sizeBytes: (item: T) => number,
  entriesMax: number,
  bytesMax: number,
): T[][] {
  const parts: T[][] = []
  let part: T[] = []
  let size = 0
  for (const item of items) {
    const itemSize = sizeBytes(item)
    if (part.length > 0 && (part.length >= entriesMax || size + itemSize > bytesMax)) {
      parts.push(part)
      part = []
      size = 0
    }
    part.push(item)
    size += itemSize
  }
  if (part.length > 0) parts.push(part)
  return parts
}
