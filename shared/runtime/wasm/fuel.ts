/**
 * What running costs, in fuel: 1 for each instruction, about. A block of few instructions without calls and loops costs
 * as if all of them were run, whichever way was taken through it. Besides:
 */
export const cost = {
  /** Of entering a function: its locals are set to zero. */
  entry: (locals: number): number => 1 + (locals >> 2),
  /** Of handing values to a function or block. */
  passing: (values: number): number => values >> 2,
  /** Of memory.grow, whatever comes of it; the pages that it gives cost as if they were filled. */
  grow: 1000,
  /** memory.fill, copy and init cost 1 for 2^1 bytes. */
  bytesShift: 1,
  /** 64 KiB at 2 bytes each. */
  page: 32_768,
} as const
