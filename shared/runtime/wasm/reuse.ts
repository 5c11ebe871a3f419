import { Numbers } from './numbers.ts'

/*
 * An optimising compiler that sees the same computation before and after a call keeps the first result in the frame
 * meanwhile, though the program has no variable for it. So a frame can hold more values than locals and operands: one
 * for each computation after a call whose operands were all there before it. This counts those, or more.
 *
 * The age of a value is the number of calls (and loop headers, to which calls further down lead back) that were passed
 * when the latest of what it is made of came into being; -1 for what was always there.
 */
export class Reuse {
  /** Calls and loop headers so far. */
  now = 0
  /** Computations after a call of what was there before it, and addresses that were. */
  #computed = 0
  #addressed = 0
  #locals = 0
  #ages = new Int32Array(256)
  /** Locals written since the open blocks began, and where each block's part of them begins. */
  readonly #written = new Numbers()
  readonly #blocks = new Numbers()

  start(locals: number): void {
    this.now = 0
    this.#computed = 0
    this.#addressed = 0
    this.#locals = locals
    this.#written.length = 0
    this.#blocks.length = 0
    if (this.#ages.length < locals) this.#ages = new Int32Array(locals * 2)
    this.#ages.fill(0, 0, locals)
  }

  /** A computation from values of which the youngest has this age. */
  computed(age: number): void {
    if (age < this.now) this.#computed++
  }

  /** Memory was read or written at an address of this age. */
  addressed(age: number): void {
    if (age < this.now) this.#addressed++
  }

  /**
   * Most values that are kept over a call, besides locals and `height` operands, in a body of that many computations.
   * What is kept was computed before the call and is again after it, so it is at most every second computation. An address
   * is a local or operand, of which there is one wide copy at most, or it is counted as a computation.
   */
  values(computations: number, height: number): number {
    const addresses = Math.min(this.#addressed, this.#locals + height)
    return Math.min(Math.ceil(computations / 2), this.#computed) + addresses
  }

  ageOf(local: number): number {
    return this.#ages[local]!
  }

  write(local: number, age: number): void {
    this.#ages[local] = age
    if (this.#blocks.length > 0) this.#written.push(local)
  }

  enter(): void {
    this.#blocks.push(this.#written.length)
  }

  /** Two ways meet, or another begins: what was written inside the innermost block may be older than it seems. */
  merge(): void {
    const from = this.#blocks.at(this.#blocks.length - 1)
    for (let i = from; i < this.#written.length; i++) this.#ages[this.#written.at(i)] = -1
    this.#written.length = from
  }

  leave(): void {
    this.merge()
    this.#blocks.length--
  }
}
