import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MemoryImage } from '../../shared/runtime/memory-image.ts'

const pageBytes = 65_536

test('puts back every byte, whatever was there and whatever was written since', () => {
  const writes = fc.array(
    fc.tuple(fc.nat(2 * pageBytes - 1), fc.uint8Array({ minLength: 1, maxLength: 9_000 })),
  )
  fc.assert(
    fc.property(writes, writes, (before, after) => {
      const memory = new Uint8Array(2 * pageBytes)
      for (const [at, bytes] of before) memory.set(bytes.subarray(0, memory.length - at), at)
      const wanted = memory.slice()
      const image = new MemoryImage(memory)
      for (const [at, bytes] of after) memory.set(bytes.subarray(0, memory.length - at), at)
      image.putBack(memory)
      expect(Buffer.compare(memory, wanted)).toBe(0)
    }),
    { seed: 7, numRuns: 200 },
  )
})

test('what the memory has grown by becomes zeros', () => {
  const image = new MemoryImage(new Uint8Array(pageBytes).fill(3))
  const grown = new Uint8Array(3 * pageBytes).fill(7)
  image.putBack(grown)
  expect(grown.subarray(0, pageBytes).every((byte) => byte === 3)).toBe(true)
  expect(grown.subarray(pageBytes).every((byte) => byte === 0)).toBe(true)
})

test('knows the size of what it was made of', () => {
  expect(new MemoryImage(new Uint8Array(pageBytes)).sizeBytes).toBe(pageBytes)
})

test('a memory full of something, and an empty one', () => {
  for (const value of [0, 255]) {
    const memory = new Uint8Array(pageBytes).fill(value)
    const image = new MemoryImage(memory)
    memory.fill(7)
    image.putBack(memory)
    expect(memory.every((byte) => byte === value)).toBe(true)
  }
})
