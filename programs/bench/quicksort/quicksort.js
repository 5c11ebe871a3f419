// Sorts numbers of 32 bits by Hoare's quicksort.
export default function quicksort(size) {
  const numbers = new Uint32Array(size)
  let state = 1
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    numbers[i] = state
  }
  sort(numbers, 0, size - 1)
  let hash = 0x811c9dc5
  for (let i = 0; i < size; i++) hash = Math.imul(hash ^ numbers[i], 0x01000193)
  return { checksum: hash >>> 0 }
}

function sort(numbers, first, last) {
  let low = first
  let high = last
  while (low < high) {
    const pivot = numbers[(low + high) >>> 1]
    let i = low - 1
    let j = high + 1
    while (true) {
      do i++
      while (numbers[i] < pivot)
      do j--
      while (numbers[j] > pivot)
      if (i >= j) break
      const other = numbers[i]
      numbers[i] = numbers[j]
      numbers[j] = other
    }
    // The smaller part by recursion, the larger one by going on: the depth is a logarithm.
    if (j - low < high - j - 1) {
      sort(numbers, low, j)
      low = j + 1
    } else {
      sort(numbers, j + 1, high)
      high = j
    }
  }
}
