import { Numbers } from './numbers.ts'

/**
 * The operand stack while a body is read. Each value has a state (nan-flow.ts) and an age: the number of the latest call
 * before which everything that it was computed from was there already (reuse.ts).
 */
export class OperandStack {
  readonly states = new Numbers()
  readonly ages = new Numbers()
  /** Most values so far. */
  height = 0

  get length(): number {
    return this.states.length
  }

  clear(): void {
    this.states.length = 0
    this.ages.length = 0
    this.height = 0
  }

  push(state: number, age: number): void {
    this.states.push(state)
    this.ages.push(age)
    if (this.states.length > this.height) this.height = this.states.length
  }

  pushMany(count: number, state: number, age: number): void {
    for (let left = count; left > 0; left--) this.push(state, age)
  }

  /** The state of the value that it takes away. */
  pop(): number {
    this.ages.length--
    return this.states.items[--this.states.length]!
  }

  cut(length: number): void {
    this.states.length = length
    this.ages.length = length
  }

  /** Age of the youngest of the topmost values. */
  youngest(count: number): number {
    const { items, length } = this.ages
    let age = -1
    for (let i = length - count; i < length; i++) if (items[i]! > age) age = items[i]!
    return age
  }
}
