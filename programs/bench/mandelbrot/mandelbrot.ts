// The Mandelbrot set on a square of points, up to 100 rounds each.
import { hashStart, mix, readSize, writeChecksum } from '../../lib/kernel'

const roundsMax = 100
const size = readSize()
let hash = hashStart
for (let row = 0; row < size; row++) {
  const y = (<f64>row * 2.0) / <f64>size - 1.0
  for (let column = 0; column < size; column++) {
    const x = (<f64>column * 3.0) / <f64>size - 2.0
    let real = 0.0
    let imaginary = 0.0
    let rounds = 0
    while (rounds < roundsMax && real * real + imaginary * imaginary <= 4.0) {
      const next = real * real - imaginary * imaginary + x
      imaginary = 2.0 * real * imaginary + y
      real = next
      rounds++
    }
    hash = mix(hash, rounds)
  }
}
writeChecksum(hash)
