import type { Ort } from 'onnxruntime-web/ort-wasm-simd-threaded.mjs'
import createOrt from 'onnxruntime-web/ort-wasm-simd-threaded.mjs'
import { seal, sealed } from './sealed-host.ts'

export const pageBytes = 65_536

/** What the engine's module asks for at its start, by its memory import. */
export const engineMemoryBytes = 256 * pageBytes

/** 2 GiB, the most that a task may ask for. */
const pagesMax = 32_768

/** One instance of ONNX Runtime in a memory of its own. */
export class OrtEngine {
  readonly ort: Ort
  readonly memory: WebAssembly.Memory
  /** Counts down (count-fuel.ts says what costs what). Below zero the engine trapped for want of it. */
  readonly fuel: { value: bigint }
  /** Bytes that the memory may grow to. */
  memoryBytesMax = pagesMax * pageBytes
  /** It asked for more than `memoryBytesMax`. */
  limitHit = false
  /** The host refused what was allowed. */
  hostHit = false

  /** Rejects when the host cannot start it. */
  static start(module: WebAssembly.Module): Promise<OrtEngine> {
    return OrtEngine.#next(async () => {
      const engine = await startOne(module)
      const code = sealed(() => engine.ort._OrtInit(1, logFatal))
      if (code !== 0) throw new Error(`ONNX Runtime did not start: error ${code}`)
      return engine
    })
  }

  /** An engine for a memory that is put there: nothing in it works before. Rejects as `start`. */
  static startEmpty(module: WebAssembly.Module): Promise<OrtEngine> {
    return OrtEngine.#next(() => startOne(module))
  }

  /** One start after the other: each takes the host's world out of sight until it is done. */
  static #next(start: () => Promise<OrtEngine>): Promise<OrtEngine> {
    const starting = lastStart.then(start)
    lastStart = starting.catch(() => {})
    return starting
  }

  constructor(ort: Ort, memory: WebAssembly.Memory, fuel: { value: bigint }) {
    this.ort = ort
    this.fuel = fuel
    this.memory = memory
    const grow = memory.grow.bind(memory)
    // The engine grows its memory by this method, and asks for less when it throws.
    memory.grow = (pages) => {
      if (memory.buffer.byteLength + pages * pageBytes > this.memoryBytesMax) {
        this.limitHit = true
        throw new RangeError('The memory limit of the task')
      }
      try {
        const before = grow(pages)
        // What was refused before was more than is needed.
        this.limitHit = false
        return before
      } catch (error) {
        this.hostHit = true
        throw error
      }
    }
  }
}

let lastStart: Promise<unknown> = Promise.resolve()

async function startOne(module: WebAssembly.Module): Promise<OrtEngine> {
  const memory = new WebAssembly.Memory({ initial: engineMemoryBytes / pageBytes, maximum: pagesMax })
  const restore = seal()
  let exported: WebAssembly.Exports = {}
  try {
    const starting = withMemory(memory, () =>
      createOrt({
        numThreads: 1,
        instantiateWasm: (imports, done) => {
          const instance = new WebAssembly.Instance(module, imports)
          exported = instance.exports
          done(instance, module)
        },
      }),
    )
    const ort = await starting
    return new OrtEngine(ort, memory, exported['fuel'] as WebAssembly.Global<'i64'>)
  } finally {
    restore()
  }
}

/** ONNX Runtime's severity for what ends the process. */
export const logFatal = 4

/** The glue makes its memory itself: it is given this one. It would also wait on its memory, for threads' messages. */
function withMemory<T>(memory: WebAssembly.Memory, call: () => T): T {
  const { Memory } = WebAssembly
  const { waitAsync } = Atomics as { waitAsync?: unknown }
  // Called with `new`, which a function that is not an arrow allows.
  function given(descriptor: WebAssembly.MemoryDescriptor): WebAssembly.Memory {
    return descriptor.initial === 0 ? new Memory(descriptor) : memory
  }
  WebAssembly.Memory = given as unknown as typeof WebAssembly.Memory
  Reflect.set(Atomics, 'waitAsync', undefined)
  try {
    return call()
  } finally {
    WebAssembly.Memory = Memory
    Reflect.set(Atomics, 'waitAsync', waitAsync)
  }
}
