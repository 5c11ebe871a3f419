// The product of two square matrices of doubles.
export default function matrixMultiply(size) {
  const left = new Float64Array(size * size)
  const right = new Float64Array(size * size)
  const product = new Float64Array(size * size)
  let state = 1
  for (let i = 0; i < size * size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    left[i] = state / 4294967296
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    right[i] = state / 4294967296
  }
  for (let row = 0; row < size; row++) {
    for (let inner = 0; inner < size; inner++) {
      const factor = left[row * size + inner]
      for (let column = 0; column < size; column++) {
        product[row * size + column] += factor * right[inner * size + column]
      }
    }
  }
  const words = new Uint32Array(product.buffer)
  let hash = 0x811c9dc5
  for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words[i], 0x01000193)
  return { checksum: hash >>> 0 }
}
