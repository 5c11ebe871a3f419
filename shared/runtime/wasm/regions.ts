import type { Instructions } from './instructions.ts'

const instructionsMax = 24

/** By instruction: 0 may be in a small region, 1 opens a block, 2 closes one, 3 branches, 4 is not for small regions. */
const roles = new Uint8Array(0x300)
roles[0x02] = 1
roles[0x04] = 1
roles[0x0b] = 2
roles[0x0c] = 3
roles[0x0d] = 3
for (const op of [0x03, 0x0e, 0x0f, 0x10, 0x11, 0x40, 0x108, 0x109, 0x10a, 0x10b]) roles[op] = 4

/** The last instruction of the block or if at `from`, if that is small, calls nothing and is left by its end only; else -1. */
export function smallRegion({ op: ops, immediate, count }: Instructions, from: number): number {
  const end = Math.min(count, from + instructionsMax + 1)
  let depth = 1
  for (let i = from + 1; i < end; i++) {
    const role = roles[ops[i]!]!
    if (role === 0) continue
    if (role === 4 || (role === 3 && immediate[i]! >= depth)) return -1
    if (role === 1) depth++
    else if (role === 2 && --depth === 0) return i
  }
  return -1
}
