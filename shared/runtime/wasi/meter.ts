import type { LimitError } from '../limit-message.ts'

/*
 * What a call of the host costs, in the fuel that instructions cost too, so that nothing a guest does takes much longer
 * for its fuel than anything else: all of the default fuel is 1 to 15 s in calls alone. Every call pays before it works,
 * so that none does more than there is fuel for. The figures are part of the outcome: changing one changes results.
 */

/** Each call, whether it succeeds or not. */
export const fuelPerCall = 500
/** Each buffer named in a read or a write. */
export const fuelPerBuffer = 50
/** Each byte read or written. */
export const fuelPerByte = 1
/** Each byte drawn at random. */
export const fuelPerRandomByte = 2
/** Each subscription polled. */
export const fuelPerSubscription = 100

/** Thrown through the guest to end its run; what it means is in `Meter.hit` or `exitCode`. One for all: no stack is taken. */
export class RunEnd extends Error {}
const runEnd = new RunEnd('The run has ended')

/** Counts what a run may have no more of than its limits, as far as the host sees it, and ends the run. */
export class Meter {
  #fuel: WebAssembly.Global<'i64'> | undefined
  #hit: LimitError | undefined
  #exitCode: number | undefined

  /** `fuel` is the guest's own count, which it takes up again after each call. */
  attach(fuel: WebAssembly.Global<'i64'>): void {
    this.#fuel = fuel
  }

  /** The limit at which the host ended the run. */
  get hit(): LimitError | undefined {
    return this.#hit
  }

  /** The code with which the guest ended the run itself. */
  get exitCode(): number | undefined {
    return this.#exitCode
  }

  /** Takes fuel, at most 2^53; ends the run when there is less. */
  charge(fuel: number): void {
    const left = this.#fuel!.value - BigInt(fuel)
    this.#fuel!.value = left
    if (left < 0n) this.end('fuel')
  }

  /** Ends the run at a limit. */
  end(limit: LimitError): never {
    this.#hit = limit
    throw runEnd
  }

  exit(code: number): never {
    this.#exitCode = code
    throw runEnd
  }
}
