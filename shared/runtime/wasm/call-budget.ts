import type { Writer } from './writer.ts'

/** `callBudget -= bytes; if (callBudget < 0) unreachable` */
export function takeCallBudget(out: Writer, global: number, bytes: number): void {
  changeGlobal(out, global, bytes, 0x6b)
  out.byte(0x23)
  out.u32(global)
  out.two(0x41, 0x00)
  out.two(0x48, 0x04)
  out.byte(0x40)
  out.two(0x00, 0x0b)
}

export function giveBackCallBudget(out: Writer, global: number, bytes: number): void {
  changeGlobal(out, global, bytes, 0x6a)
}

function changeGlobal(out: Writer, global: number, by: number, op: number): void {
  out.byte(0x23)
  out.u32(global)
  out.byte(0x41)
  out.signed(by)
  out.two(op, 0x24)
  out.u32(global)
}
