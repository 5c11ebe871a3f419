import type { Errno } from './errno.ts'
import { errno } from './errno.ts'
import type { GuestMemory } from './guest-memory.ts'
import type { Meter } from './meter.ts'
import { fuelPerBuffer, fuelPerByte } from './meter.ts'

/** Buffers that one read or write may name (IOV_MAX elsewhere). */
export const buffersMax = 1_024

const vectorBytes = 8
const uint32Max = 0xffff_ffff

interface Vector {
  readonly address: number
  readonly length: number
}

/** The buffers of one read or write, all of them in memory, and where to say how many bytes went through them. */
export interface Vectors {
  readonly list: readonly Vector[]
  /** Sum of the lengths, at most 2^32 - 1. */
  readonly size: number
}

/**
 * Reads the list of buffers before any of them is touched, as one may lie over it. `inval`: more than `buffersMax` of
 * them, or a sum of lengths over 32 bits; `fault`: list, buffer or `resultAddress` (a u32) not wholly in memory. The list
 * is judged from its beginning, its first fault decides.
 */
export function readVectors(
  memory: GuestMemory,
  meter: Meter,
  address: number,
  count: number,
  resultAddress: number,
): Vectors | Errno {
  if (count > buffersMax) return errno.inval
  if (!memory.holds(address, count * vectorBytes) || !memory.holds(resultAddress, 4)) return errno.fault
  meter.charge(count * fuelPerBuffer)
  const list: Vector[] = []
  let size = 0
  for (let i = 0; i < count; i++) {
    const vector = {
      address: memory.u32(address + i * vectorBytes),
      length: memory.u32(address + i * vectorBytes + 4),
    }
    if (!memory.holds(vector.address, vector.length)) return errno.fault
    size += vector.length
    list.push(vector)
  }
  return size > uint32Max ? errno.inval : { list, size }
}

/** Fills the buffers in their order; where two overlap the later one's bytes stay. The result is written last. */
export function scatter(
  memory: GuestMemory,
  meter: Meter,
  { list, size }: Vectors,
  source: Uint8Array,
  resultAddress: number,
): number {
  const moved = Math.min(size, source.length)
  meter.charge(moved * fuelPerByte)
  let at = 0
  for (const { address, length } of list) {
    const part = source.subarray(at, Math.min(at + length, moved))
    if (part.length > 0) memory.bytes(address, part.length).set(part)
    at += part.length
  }
  memory.setU32(resultAddress, moved)
  return moved
}

/** Gives the buffers to `write` in their order, and then writes the result. */
export function gather(
  memory: GuestMemory,
  meter: Meter,
  { list, size }: Vectors,
  write: (bytes: Uint8Array) => void,
  resultAddress: number,
): void {
  meter.charge(size * fuelPerByte)
  for (const { address, length } of list) if (length > 0) write(memory.bytes(address, length))
  memory.setU32(resultAddress, size)
}
