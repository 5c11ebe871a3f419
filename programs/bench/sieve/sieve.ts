// Primes below a number, by the sieve of Eratosthenes.
import { hashStart, mix, readSize, writeChecksum } from '../../lib/kernel'

const size = readSize()
const composite = new StaticArray<u8>(size + 1)
let hash = hashStart
for (let i = 2; i <= size; i++) {
  if (unchecked(composite[i]) != 0) continue
  hash = mix(hash, i)
  for (let j = <i64>i * <i64>i; j <= size; j += i) unchecked((composite[<i32>j] = 1))
}
writeChecksum(hash)
