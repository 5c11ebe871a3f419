import type { Random } from '../../shared/kernel/random.ts'
import { Writer } from '../../shared/runtime/wasm/writer.ts'

const i32 = 0x7f
const i64 = 0x7e
const f32 = 0x7d
const f64 = 0x7c
const v128 = 0x7b
type ValueType = typeof i32 | typeof i64 | typeof f32 | typeof f64 | typeof v128

interface Signature {
  readonly parameters: readonly ValueType[]
  readonly results: readonly ValueType[]
}

export interface RandomModuleOptions {
  /** Off: no floats, and only calls of later functions, so that every program ends and means the same without fuel. */
  readonly wild: boolean
}

/**
 * A valid WASI command, made at random: nested blocks, loops, calls, tables, memory, all value types. Its first global is
 * what it computes with; it leaves what it found in memory.
 */
export function randomModule(random: Random, options: RandomModuleOptions): Uint8Array {
  return new Maker(random, options.wild).module()
}

/** Ops by what they take and give: [op after its prefix, prefix]. */
const unary: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  [`${i32}${i32}`]: [0x45, 0x67, 0x68, 0x69, 0xc0, 0xc1].map((op) => [op, 0]),
  [`${i64}${i32}`]: [0x50, 0xa7].map((op) => [op, 0]),
  [`${f32}${i32}`]: [
    [0xa8, 0],
    [0xbc, 0],
    [0, 0xfc],
    [1, 0xfc],
  ],
  [`${f64}${i32}`]: [
    [0xaa, 0],
    [2, 0xfc],
    [3, 0xfc],
  ],
  [`${v128}${i32}`]: [0x53, 0x63, 0x64, 0xa3, 0xa4, 0xc3, 0xc4].map((op) => [op, 0xfd]),
  [`${i64}${i64}`]: [0x79, 0x7a, 0x7b, 0xc2, 0xc3, 0xc4].map((op) => [op, 0]),
  [`${i32}${i64}`]: [0xac, 0xad].map((op) => [op, 0]),
  [`${f64}${i64}`]: [
    [0xb0, 0],
    [0xbd, 0],
    [6, 0xfc],
    [7, 0xfc],
  ],
  [`${f32}${i64}`]: [
    [4, 0xfc],
    [5, 0xfc],
  ],
  [`${f32}${f32}`]: [0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x91].map((op) => [op, 0]),
  [`${i32}${f32}`]: [0xb2, 0xb3, 0xbe].map((op) => [op, 0]),
  [`${i64}${f32}`]: [0xb4, 0xb5].map((op) => [op, 0]),
  [`${f64}${f32}`]: [[0xb6, 0]],
  [`${f64}${f64}`]: [0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f].map((op) => [op, 0]),
  [`${i32}${f64}`]: [0xb7, 0xb8].map((op) => [op, 0]),
  [`${i64}${f64}`]: [0xb9, 0xba, 0xbf].map((op) => [op, 0]),
  [`${f32}${f64}`]: [[0xbb, 0]],
  [`${i32}${v128}`]: [0x0f, 0x10, 0x11].map((op) => [op, 0xfd]),
  [`${i64}${v128}`]: [[0x12, 0xfd]],
  [`${f32}${v128}`]: [[0x13, 0xfd]],
  [`${f64}${v128}`]: [[0x14, 0xfd]],
  [`${v128}${v128}`]: [
    0x4d, 0x5e, 0x5f, 0x60, 0x67, 0x68, 0x69, 0x6a, 0x74, 0x75, 0x7a, 0x94, 0xa0, 0xa1, 0xe0, 0xe1, 0xe3,
    0xec, 0xed, 0xef, 0xf8, 0xf9, 0xfa, 0xfc, 0xfe,
  ].map((op) => [op, 0xfd]),
}

const binary: Readonly<Record<ValueType, readonly (readonly [number, number])[]>> = {
  [i32]: Array.from({ length: 15 }, (_, i) => [0x6a + i, 0] as const),
  [i64]: Array.from({ length: 15 }, (_, i) => [0x7c + i, 0] as const),
  [f32]: Array.from({ length: 7 }, (_, i) => [0x92 + i, 0] as const),
  [f64]: Array.from({ length: 7 }, (_, i) => [0xa0 + i, 0] as const),
  [v128]: [
    0x0e, 0x23, 0x41, 0x44, 0x47, 0x4c, 0x4e, 0x4f, 0x50, 0x51, 0x6e, 0x71, 0x8e, 0x95, 0xae, 0xb1, 0xb5,
    0xce, 0xd5, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xeb, 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6,
    0xf7,
  ].map((op) => [op, 0xfd] as const),
}
/** Comparisons of two of a type, giving i32. */
const comparisons = { [i32]: [0x46, 10], [i64]: [0x51, 10], [f32]: [0x5b, 6], [f64]: [0x61, 6] } as const
const loads = {
  [i32]: [0x28, 0x2d],
  [i64]: [0x29, 0x35],
  [f32]: [0x2a],
  [f64]: [0x2b],
  [v128]: [0, 3, 7, 10],
} as const
const stores = { [i32]: 0x36, [i64]: 0x37, [f32]: 0x38, [f64]: 0x39, [v128]: 11 } as const

/** No branch but the loop's own goes to it. */
const loopLabel = [i32] as const

class Maker {
  readonly #random: Random
  readonly #wild: boolean
  readonly #types: readonly ValueType[]
  readonly #signatures: Signature[] = []
  readonly #globals: readonly ValueType[]
  #out = new Writer()
  #locals: ValueType[] = []
  #func = 0
  /** Results that a branch to each open block takes, innermost last. */
  #labels: (readonly ValueType[])[] = []
  #budget = 0
  /** Inside of a loop: no other one there, they share the counter. */
  #looping = false

  constructor(random: Random, wild: boolean) {
    this.#random = random
    this.#wild = wild
    this.#types = wild ? [i32, i64, f32, f64, v128] : [i32, i64]
    this.#globals = this.#some(4)
    const functions = 2 + random.below(5)
    this.#signatures.push({ parameters: [], results: [] })
    for (let i = 1; i < functions; i++)
      this.#signatures.push({ parameters: this.#some(4), results: this.#some(3) })
  }

  module(): Uint8Array {
    const bodies = this.#signatures.map((_signature, func) => this.#body(func))
    const out = new Writer()
    for (const byte of [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) out.byte(byte)
    const count = this.#signatures.length
    this.#section(out, 1, count, (s) => {
      for (const { parameters, results } of this.#signatures) {
        s.byte(0x60)
        s.vector(Uint8Array.from(parameters))
        s.vector(Uint8Array.from(results))
      }
    })
    this.#section(out, 3, count, (s) => {
      for (let i = 0; i < count; i++) s.u32(i)
    })
    this.#section(out, 4, 1, (s) => {
      s.two(0x70, 0)
      s.u32(count + 1)
    })
    this.#section(out, 5, 1, (s) => s.two(0, 1))
    this.#section(out, 6, this.#globals.length, (s) => {
      for (const type of this.#globals) {
        s.two(type, 1)
        this.#constant(s, type)
        s.byte(0x0b)
      }
    })
    this.#section(out, 7, 2, (s) => {
      s.name('_start')
      s.two(0, 0)
      s.name('memory')
      s.two(2, 0)
    })
    this.#section(out, 9, 1, (s) => {
      s.two(0, 0x41)
      s.two(0, 0x0b)
      s.u32(count)
      for (let i = 0; i < count; i++) s.u32(i)
    })
    this.#section(out, 10, count, (s) => {
      for (const body of bodies) s.vector(body)
    })
    this.#section(out, 11, 1, (s) => {
      s.two(0, 0x41)
      s.two(0, 0x0b)
      s.vector(Uint8Array.from({ length: 256 }, () => this.#random.below(256)))
    })
    return out.view().slice()
  }

  #section(out: Writer, id: number, count: number, fill: (section: Writer) => void): void {
    const section = new Writer()
    section.u32(count)
    fill(section)
    out.byte(id)
    out.vector(section.view())
  }

  #some(max: number): ValueType[] {
    return Array.from({ length: this.#random.below(max) }, () => this.#pick(this.#types))
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)]!
  }

  #body(func: number): Uint8Array {
    const { parameters, results } = this.#signatures[func]!
    const declared = this.#some(8)
    this.#func = func
    this.#out = new Writer()
    // Local 0 after the parameters counts the turns of loops.
    this.#locals = [...parameters, i32, ...declared]
    this.#labels = [results]
    this.#budget = 60
    this.#out.u32(1 + declared.length)
    for (const type of [i32, ...declared]) this.#out.two(1, type)
    for (let left = 1 + this.#random.below(6); left > 0; left--) this.#statement(3)
    if (func === 0) this.#keepGlobals()
    for (const type of results) this.#value(type, 3)
    this.#out.byte(0x0b)
    return this.#out.view()
  }

  /** Stores all globals, for what was computed to be seen. */
  #keepGlobals(): void {
    for (const [i, type] of this.#globals.entries()) {
      this.#i32(4096 + 16 * i)
      this.#op(0x23, i)
      this.#store(type)
    }
  }

  #op(op: number, index: number): void {
    this.#out.byte(op)
    this.#out.u32(index)
  }

  #i32(value: number): void {
    this.#out.byte(0x41)
    this.#out.signed(value)
  }

  #constant(out: Writer, type: ValueType): void {
    const random = this.#random
    const bytes = (count: number) => {
      for (let left = count; left > 0; left--)
        out.byte(this.#pick([0, 0, 0x7f, 0xff, 0xc0, 0x80, random.below(256)]))
    }
    if (type === i32 || type === i64) {
      out.byte(type === i32 ? 0x41 : 0x42)
      out.signed(this.#pick([0, 1, -1, 7, 255, -2147483648, 2147483647, random.below(65_536)]))
    } else if (type === v128) {
      out.two(0xfd, 12)
      bytes(16)
    } else {
      out.byte(type === f32 ? 0x43 : 0x44)
      bytes(type === f32 ? 4 : 8)
    }
  }

  /** Code that pushes a value of the type. */
  #value(type: ValueType, depth: number): void {
    const random = this.#random
    if (depth <= 0 || this.#budget-- <= 0) return this.#leaf(type)
    switch (random.below(12)) {
      case 0:
        return this.#leaf(type)
      case 1:
      case 2:
      case 3: {
        const [op, prefix] = this.#pick(binary[type])
        this.#value(type, depth - 1)
        this.#value(type, depth - 1)
        return this.#prefixed(op, prefix)
      }
      case 4:
      case 5: {
        const from = this.#pick(this.#types)
        const ops = unary[`${from}${type}`]
        if (ops === undefined) return this.#leaf(type)
        this.#value(from, depth - 1)
        return this.#prefixed(...this.#pick(ops))
      }
      case 6: {
        this.#value(i32, depth - 1)
        this.#i32(0xfff)
        this.#out.byte(0x71)
        const op = this.#pick(loads[type])
        this.#prefixed(op, type === v128 ? 0xfd : 0)
        this.#out.two(0, random.below(64))
        return
      }
      case 7:
        this.#value(type, depth - 1)
        this.#value(type, depth - 1)
        this.#value(i32, depth - 1)
        this.#out.byte(0x1b)
        return
      case 8:
        return this.#block(type, depth)
      case 9:
        return this.#compare(type, depth)
      case 10:
        this.#value(type, depth - 1)
        return this.#tee(type)
      default:
        return this.#callFor(type, depth)
    }
  }

  #prefixed(op: number, prefix: number): void {
    if (prefix === 0) return this.#out.byte(op)
    this.#out.byte(prefix)
    this.#out.u32(op)
  }

  #leaf(type: ValueType): void {
    const locals = [...this.#locals.keys()].filter((local) => this.#locals[local] === type)
    if (locals.length > 0 && this.#random.below(3) > 0) return this.#op(0x20, this.#pick(locals))
    const globals = [...this.#globals.keys()].filter((global) => this.#globals[global] === type)
    if (globals.length > 0 && this.#random.below(2) > 0) return this.#op(0x23, this.#pick(globals))
    this.#constant(this.#out, type)
  }

  #tee(type: ValueType): void {
    const counter = this.#signatures[this.#func]!.parameters.length
    const locals = [...this.#locals.keys()].filter(
      (local) => this.#locals[local] === type && local !== counter,
    )
    if (locals.length > 0) this.#op(0x22, this.#pick(locals))
  }

  #compare(type: ValueType, depth: number): void {
    if (type !== i32) return this.#leaf(type)
    const of = this.#pick(this.#types.filter((candidate) => candidate !== v128)) as keyof typeof comparisons
    this.#value(of, depth - 1)
    this.#value(of, depth - 1)
    const [first, count] = comparisons[of]
    this.#out.byte(first + this.#random.below(count))
  }

  /** A block or if that gives the value, perhaps left early. */
  #block(type: ValueType, depth: number): void {
    const isIf = this.#random.below(2) === 0
    if (isIf) this.#value(i32, depth - 1)
    this.#out.two(isIf ? 0x04 : 0x02, type)
    this.#labels.push([type])
    this.#statement(depth - 1)
    this.#value(type, depth - 1)
    if (isIf) {
      this.#out.byte(0x05)
      this.#value(type, depth - 1)
    } else if (this.#random.below(2) === 0) {
      this.#value(i32, depth - 1)
      this.#op(0x0d, 0)
    }
    this.#labels.pop()
    this.#out.byte(0x0b)
  }

  #callFor(type: ValueType, depth: number): void {
    const wanted = (signature: Signature) => signature.results.length === 1 && signature.results[0] === type
    const callable = this.#callable().filter((func) => wanted(this.#signatures[func]!))
    if (callable.length === 0) return this.#leaf(type)
    this.#call(this.#pick(callable), depth)
  }

  #callable(): number[] {
    const all = [...this.#signatures.keys()]
    return this.#wild ? all : all.filter((func) => func > this.#func)
  }

  #call(func: number, depth: number): void {
    for (const type of this.#signatures[func]!.parameters) this.#value(type, depth - 1)
    if (!this.#wild || this.#random.below(3) > 0) return this.#op(0x10, func)
    this.#i32(this.#random.below(10) === 0 ? this.#random.below(10) : func)
    this.#op(0x11, func)
    this.#out.byte(0)
  }

  #store(type: ValueType): void {
    this.#prefixed(stores[type], type === v128 ? 0xfd : 0)
    this.#out.two(0, 0)
  }

  #statement(depth: number): void {
    const random = this.#random
    if (depth <= 0 || this.#budget-- <= 0) return
    switch (random.below(9)) {
      case 0:
      case 1: {
        const type = this.#pick(this.#types)
        this.#value(type, depth)
        this.#tee(type)
        return this.#out.byte(0x1a)
      }
      case 2: {
        const type = this.#pick(this.#types)
        this.#value(i32, depth - 1)
        this.#i32(0xfff)
        this.#out.byte(0x71)
        this.#value(type, depth - 1)
        return this.#store(type)
      }
      case 3: {
        const global = random.below(Math.max(1, this.#globals.length))
        if (this.#globals[global] === undefined) return
        this.#value(this.#globals[global]!, depth)
        return this.#op(0x24, global)
      }
      case 4:
        return this.#loop(depth)
      case 5:
        return this.#leave(depth)
      case 6: {
        const callable = this.#callable()
        if (callable.length === 0) return
        const func = this.#pick(callable)
        this.#call(func, depth)
        for (const _ of this.#signatures[func]!.results) this.#out.byte(0x1a)
        return
      }
      case 7:
        return this.#bulk(depth)
      default: {
        this.#value(i32, depth - 1)
        this.#out.two(0x04, 0x40)
        this.#labels.push([])
        for (let left = 1 + random.below(3); left > 0; left--) this.#statement(depth - 1)
        this.#labels.pop()
        return this.#out.byte(0x0b)
      }
    }
  }

  /** A loop of a few turns, counted down in the local for it; in wild modules perhaps an endless one. */
  #loop(depth: number): void {
    if (this.#looping) return
    this.#looping = true
    const counter = this.#signatures[this.#func]!.parameters.length
    const type = this.#pick(this.#types)
    this.#i32(1 + this.#random.below(5))
    this.#op(0x21, counter)
    this.#out.two(0x03, 0x40)
    this.#labels.push(loopLabel)
    this.#value(type, depth - 1)
    this.#tee(type)
    this.#out.byte(0x1a)
    this.#op(0x20, counter)
    this.#i32(1)
    this.#out.byte(0x6b)
    if (!this.#wild || this.#random.below(8) > 0) this.#op(0x22, counter)
    this.#op(0x0d, 0)
    this.#labels.pop()
    this.#out.byte(0x0b)
    this.#looping = false
  }

  /** A branch out, if there is a block around that takes nothing. */
  #leave(depth: number): void {
    const labels = this.#labels
    const targets = [...labels.keys()].filter((label) => labels[label]!.length === 0)
    if (targets.length === 0) return
    const depthOf = () => labels.length - 1 - this.#pick(targets)
    this.#value(i32, depth - 1)
    if (this.#random.below(2) === 0) return this.#op(0x0d, depthOf())
    this.#out.two(0x04, 0x40)
    this.#value(i32, depth - 1)
    this.#out.byte(0x0e)
    this.#out.u32(2)
    for (let left = 3; left > 0; left--) this.#out.u32(1 + depthOf())
    this.#out.byte(0x0b)
  }

  #bulk(depth: number): void {
    const bounded = () => {
      this.#value(i32, depth - 1)
      this.#i32(0xff)
      this.#out.byte(0x71)
    }
    if (this.#random.below(4) === 0) {
      this.#i32(this.#random.below(2))
      this.#out.two(0x40, 0)
      return this.#out.byte(0x1a)
    }
    bounded()
    bounded()
    bounded()
    const copy = this.#random.below(2) === 0
    this.#prefixed(copy ? 10 : 11, 0xfc)
    this.#out.byte(0)
    if (copy) this.#out.byte(0)
  }
}
