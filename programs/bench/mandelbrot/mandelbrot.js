// The Mandelbrot set on a square of points, up to 100 rounds each.
const roundsMax = 100

export default function mandelbrot(size) {
  let hash = 0x811c9dc5
  for (let row = 0; row < size; row++) {
    const y = (row * 2) / size - 1
    for (let column = 0; column < size; column++) {
      const x = (column * 3) / size - 2
      let real = 0
      let imaginary = 0
      let rounds = 0
      while (rounds < roundsMax && real * real + imaginary * imaginary <= 4) {
        const next = real * real - imaginary * imaginary + x
        imaginary = 2 * real * imaginary + y
        real = next
        rounds++
      }
      hash = Math.imul(hash ^ rounds, 0x01000193)
    }
  }
  return { checksum: hash >>> 0 }
}
