/**
 * Guesses pi by throwing points at a square. Math.random starts from the task's seed, so that every worker throws the same ones.
 * Input: { "points": 100000 }. Output: { "points": 100000, "inside": …, "pi": … }
 */
export default function monteCarloPi({ points = 100_000 } = {}) {
  if (!Number.isInteger(points) || points < 1 || points > 10_000_000) {
    throw new RangeError('points has to be a whole number from 1 to 10000000')
  }
  let inside = 0
  for (let i = 0; i < points; i++) {
    const x = Math.random()
    const y = Math.random()
    if (x * x + y * y < 1) inside++
  }
  return { points, inside, pi: (4 * inside) / points }
}
