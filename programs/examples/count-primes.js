/** How many primes there are up to a whole number. Input: 100. Output: { "upTo": 100, "primes": 25, "largest": 97 } */
export default function countPrimes(limit) {
  if (!Number.isInteger(limit) || limit < 0 || limit > 10_000_000) {
    throw new RangeError('the input has to be a whole number from 0 to 10000000')
  }
  const composite = new Uint8Array(limit + 1)
  let primes = 0
  let largest = 0
  for (let i = 2; i <= limit; i++) {
    if (composite[i] !== 0) continue
    primes++
    largest = i
    for (let j = i * i; j <= limit; j += i) composite[j] = 1
  }
  return { upTo: limit, primes, largest }
}
