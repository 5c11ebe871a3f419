// Primes below a number, by the sieve of Eratosthenes.
export default function sieve(size) {
  const composite = new Uint8Array(size + 1)
  let hash = 0x811c9dc5
  for (let i = 2; i <= size; i++) {
    if (composite[i] !== 0) continue
    hash = Math.imul(hash ^ i, 0x01000193)
    for (let j = i * i; j <= size; j += i) composite[j] = 1
  }
  return { checksum: hash >>> 0 }
}
