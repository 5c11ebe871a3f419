export interface Charge {
  readonly at: number
  readonly cost: number
}

interface Account {
  readonly at: number
  cost: number
}

/** Straight code of so many instructions is charged by itself. */
const stretchMin = 16

/** What the shorter ones of a function, or of a loop's turn, cost at most together: most of many are not run. */
const shortMax = 32

/** A function's body, looked through. Places are offsets into its bytes. */
export interface BodyPlan {
  readonly bytes: Uint8Array
  readonly groupsAt: number
  readonly localGroups: number
  readonly locals: number
  /** Where its instructions begin. */
  readonly codeAt: number
  /** Instructions that are charged at its entry. */
  readonly cost: number
  readonly calls: boolean
  /** Where loops begin, and the instructions that are charged at each turn. */
  readonly loops: readonly Charge[]
  /** Where straight code begins that is charged by itself. */
  readonly stretches: readonly Charge[]
  /** Where memory is filled or copied. */
  readonly bulkAt: readonly number[]
}

/** What follows an instruction: nothing, so many LEB128 numbers, so many bytes, or something of its own. */
const lebs = new Map<number, number>()
for (const op of [0x02, 0x03, 0x04, 0x0c, 0x0d, 0x10, 0x20, 0x21, 0x22, 0x23, 0x24, 0x3f, 0x40, 0x41, 0x42])
  lebs.set(op, 1)
for (const op of [0x00, 0x01, 0x05, 0x0b, 0x0f, 0x1a, 0x1b]) lebs.set(op, 0)
lebs.set(0x11, 2)
for (let op = 0x28; op <= 0x3e; op++) lebs.set(op, 2)
for (let op = 0x45; op <= 0xc4; op++) lebs.set(op, 0)

/** Where straight code ends: unreachable, loop, if, else, end, br, br_if, br_table, return. */
const turns = new Set([0x00, 0x03, 0x04, 0x05, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f])

/** Of WebAssembly 2.0 with threads, without reference types, exceptions and tail calls; throws on anything else. */
export function readBody(bytes: Uint8Array): BodyPlan {
  return new BodyReader(bytes).read()
}

class BodyReader {
  readonly #bytes: Uint8Array
  #at = 0
  #calls = false
  readonly #bulkAt: number[] = []
  readonly #loops: Account[] = []
  readonly #stretches: Charge[] = []

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  read(): BodyPlan {
    const localGroups = this.#u32()
    const groupsAt = this.#at
    let locals = 0
    for (let left = localGroups; left > 0; left--) {
      locals += this.#u32()
      this.#at++
    }
    const codeAt = this.#at
    const whole = { at: codeAt, cost: 0 }
    this.#readCode(whole)
    if (this.#at !== this.#bytes.length)
      throw new Error('A function of the ONNX engine does not end where it should')
    return {
      bytes: this.#bytes,
      groupsAt,
      localGroups,
      locals,
      codeAt,
      cost: Math.min(whole.cost, shortMax),
      calls: this.#calls,
      loops: this.#loops.map(({ at, cost }) => ({ at, cost: Math.min(cost, shortMax) })),
      stretches: this.#stretches,
      bulkAt: this.#bulkAt,
    }
  }

  #readCode(whole: Account): void {
    /** The loop, or the function, that each open block is in; the first is the function's own. */
    const open = [whole]
    let around = whole
    let start = whole.at
    for (let count = 1; open.length > 0; count++) {
      const code = this.#byte()
      this.#skip(code)
      if (code === 0x02) open.push(around)
      if (!turns.has(code)) continue
      if (count >= stretchMin && start !== around.at) this.#stretches.push({ at: start, cost: count })
      else around.cost += count
      this.#nest(code, open, around)
      around = open[open.length - 1] ?? whole
      start = this.#at
      count = 0
    }
  }

  #nest(code: number, open: Account[], around: Account): void {
    if (code === 0x0b) open.pop()
    if (code === 0x04) open.push(around)
    if (code !== 0x03) return
    const loop = { at: this.#at, cost: 0 }
    this.#loops.push(loop)
    open.push(loop)
  }

  #skip(code: number): void {
    if (code === 0x10 || code === 0x11) this.#calls = true
    const count = lebs.get(code)
    if (count !== undefined) {
      for (let left = count; left > 0; left--) this.#skipLeb()
      return
    }
    switch (code) {
      case 0x0e:
        for (let left = this.#u32() + 1; left > 0; left--) this.#skipLeb()
        return
      case 0x43:
        this.#at += 4
        return
      case 0x44:
        this.#at += 8
        return
      case 0xfc:
        return this.#skipBulk(this.#at - 1)
      case 0xfd:
        return this.#skipVector()
      case 0xfe:
        return this.#skipAtomic()
      default:
        throw new Error(`The ONNX engine has an instruction 0x${code.toString(16)} that is not known here`)
    }
  }

  /** Conversions up to 7, then memory.init, data.drop, memory.copy and memory.fill. */
  #skipBulk(at: number): void {
    const code = this.#u32()
    if (code <= 7) return
    if (code > 11) throw new Error(`The ONNX engine has an instruction 0xfc ${code} that is not known here`)
    if (code !== 9) this.#bulkAt.push(at)
    this.#skipLeb()
    if (code === 8 || code === 10) this.#skipLeb()
  }

  #skipVector(): void {
    const code = this.#u32()
    if (code > 0xff) throw new Error(`The ONNX engine has an instruction 0xfd ${code} that is not known here`)
    if (code === 12 || code === 13) {
      this.#at += 16
      return
    }
    const isLoadOrStore = code <= 11 || code === 92 || code === 93
    const hasLane = code >= 84 && code <= 91
    if (isLoadOrStore || hasLane) {
      this.#skipLeb()
      this.#skipLeb()
    }
    if (hasLane || (code >= 21 && code <= 34)) this.#at++
  }

  #skipAtomic(): void {
    const code = this.#u32()
    if (code > 0x4e) throw new Error(`The ONNX engine has an instruction 0xfe ${code} that is not known here`)
    if (code === 3) this.#at++
    else {
      this.#skipLeb()
      this.#skipLeb()
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new Error('A function of the ONNX engine ends too early')
    return byte
  }

  #u32(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.#byte()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
  }

  #skipLeb(): void {
    while (this.#byte() >= 0x80);
  }
}
