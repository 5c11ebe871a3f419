import { cost } from './fuel.ts'
import type { Writer } from './writer.ts'

/**
 * Writes the code that counts fuel. `pending` is what the straight-line code since the last charge costs; it is charged
 * before control can go more than one way, so a way through a function costs what is on it. A function with a loop keeps
 * the fuel in a local: read from the global at its entry and after calls, written before calls and at its exit; any other
 * works on the global.
 */
export class FuelCode {
  pending = 0
  /** Up to this instruction branches are small and inside, and are charged as if all of them were run. */
  regionEnd = -1
  readonly #out: Writer
  readonly #global: number
  #cached = false
  #fuelLocal = 0
  #lengthLocal = 0

  constructor(out: Writer, global: number) {
    this.#out = out
    this.#global = global
  }

  /** For the next function: the locals to use, `fuelLocal` only when it keeps the fuel in one. */
  start(fuelLocal: number | undefined, lengthLocal: number): void {
    this.#cached = fuelLocal !== undefined
    this.#fuelLocal = fuelLocal ?? 0
    this.#lengthLocal = lengthLocal
    this.regionEnd = -1
    this.pending = 0
  }

  /** At a function's entry, of one that can take long. */
  enter(): void {
    this.#op(0x23, this.#global)
    if (this.#cached) this.#op(0x22, this.#fuelLocal)
    this.#trapBelowZero()
  }

  exit(): void {
    if (this.#cached) this.#publish()
  }

  /** Charges what is pending, before instruction `i`. */
  charge(i: number): void {
    if (this.pending === 0 || i <= this.regionEnd) return
    this.#left()
    if (this.#cached) this.#op(0x21, this.#fuelLocal)
    else this.#op(0x24, this.#global)
  }

  beforeCall(): void {
    if (!this.#cached && this.pending === 0) return
    this.#left()
    this.#op(0x24, this.#global)
  }

  afterCall(): void {
    if (!this.#cached) return
    this.#op(0x23, this.#global)
    this.#op(0x21, this.#fuelLocal)
  }

  /** Charges for as many bytes as the operand on top says, which stays. */
  chargeLength(): void {
    const out = this.#out
    this.#op(0x21, this.#lengthLocal)
    this.#read()
    this.#op(0x20, this.#lengthLocal)
    // i64.extend_i32_u, divided by the bytes that a unit of fuel is for
    out.two(0xad, 0x42)
    out.signed(cost.bytesShift)
    out.two(0x88, 0x7d)
    if (this.#cached) this.#op(0x21, this.#fuelLocal)
    else this.#op(0x24, this.#global)
    this.check()
    this.#op(0x20, this.#lengthLocal)
  }

  /** Traps when the fuel is used up. */
  check(): void {
    this.#read()
    this.#trapBelowZero()
  }

  #trapBelowZero(): void {
    const out = this.#out
    out.two(0x42, 0x00)
    out.two(0x53, 0x04)
    out.byte(0x40)
    if (this.#cached) this.#publish()
    out.two(0x00, 0x0b)
  }

  #publish(): void {
    this.#op(0x20, this.#fuelLocal)
    this.#op(0x24, this.#global)
  }

  #read(): void {
    if (this.#cached) this.#op(0x20, this.#fuelLocal)
    else this.#op(0x23, this.#global)
  }

  /** What is left of the fuel after what is pending, on the operand stack. */
  #left(): void {
    this.#read()
    if (this.pending === 0) return
    this.#out.byte(0x42)
    this.#out.signed(this.pending)
    this.#out.byte(0x7d)
    this.pending = 0
  }

  #op(op: number, index: number): void {
    this.#out.byte(op)
    this.#out.u32(index)
  }
}
