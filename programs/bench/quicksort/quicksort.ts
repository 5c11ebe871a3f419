// Sorts numbers of 32 bits by Hoare's quicksort.
import { hashStart, mix, nextRandom, readSize, writeChecksum } from '../../lib/kernel'

const size = readSize()
const numbers = new StaticArray<u32>(size)
let state: u32 = 1
for (let i = 0; i < size; i++) {
  state = nextRandom(state)
  numbers[i] = state
}
sort(0, size - 1)
let hash = hashStart
for (let i = 0; i < size; i++) hash = mix(hash, numbers[i])
writeChecksum(hash)

function sort(first: i32, last: i32): void {
  let low = first
  let high = last
  while (low < high) {
    const pivot = unchecked(numbers[(low + high) >>> 1])
    let i = low - 1
    let j = high + 1
    while (true) {
      do i++
      while (unchecked(numbers[i]) < pivot)
      do j--
      while (unchecked(numbers[j]) > pivot)
      if (i >= j) break
      const other = unchecked(numbers[i])
      unchecked((numbers[i] = numbers[j]))
      unchecked((numbers[j] = other))
    }
    // The smaller part by recursion, the larger one by going on: the depth is a logarithm.
    if (j - low < high - j - 1) {
      sort(low, j)
      low = j + 1
    } else {
      sort(j + 1, high)
      high = j
    }
  }
}
