// The product of two square matrices of doubles.
import { hashStart, mixDouble, nextRandom, readSize, writeChecksum } from '../../lib/kernel'

const size = readSize()
const left = new StaticArray<f64>(size * size)
const right = new StaticArray<f64>(size * size)
const product = new StaticArray<f64>(size * size)
let state: u32 = 1
for (let i = 0; i < size * size; i++) {
  state = nextRandom(state)
  left[i] = <f64>state / 4294967296.0
  state = nextRandom(state)
  right[i] = <f64>state / 4294967296.0
}
for (let row = 0; row < size; row++) {
  for (let inner = 0; inner < size; inner++) {
    const factor = unchecked(left[row * size + inner])
    for (let column = 0; column < size; column++) {
      const at = row * size + column
      unchecked((product[at] = product[at] + factor * right[inner * size + column]))
    }
  }
}
let hash = hashStart
for (let i = 0; i < size * size; i++) hash = mixDouble(hash, product[i])
writeChecksum(hash)
