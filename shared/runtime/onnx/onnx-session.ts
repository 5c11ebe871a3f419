import { MemoryImage } from '../memory-image.ts'
import { elementTypeCoded } from './element-types.ts'
import type { OnnxModel } from './onnx-model.ts'
import type { OrtEngine } from './ort-engine.ts'
import { logFatal, pageBytes } from './ort-engine.ts'
import { sealed } from './sealed-host.ts'
import type { Tensor } from './tensor.ts'
import { elementCount } from './tensor.ts'

export type OrtFailure =
  | { readonly kind: 'failed'; readonly message: string }
  /** The engine needed more memory or fuel than it may have. */
  | { readonly kind: 'memory' }
  | { readonly kind: 'fuel' }
  /** The engine trapped. */
  | { readonly kind: 'trap'; readonly message: string }
  /** The host is at fault, another might have gone on. */
  | { readonly kind: 'host'; readonly message: string }

/** A result and the fuel that it took. */
export interface Metered<T> {
  readonly result: T
  readonly fuelUsed: number
}

export type LoadResult = { readonly kind: 'loaded'; readonly session: OnnxSession } | OrtFailure
export type OrtRunResult = { readonly kind: 'ran'; readonly outputs: readonly Tensor[] } | OrtFailure

/** GraphOptimizationLevel ORT_ENABLE_ALL. The engine detects no processor, so that it is the same everywhere. */
const optimizationAll = 99
const executionSequential = 0
/** Where a tensor's data lies, of api.h's DataLocation. */
const locationCpu = 1

/** A model as it lies in an engine's memory after loading. */
interface LoadedModel {
  readonly model: OnnxModel
  readonly handle: number
  readonly runOptions: number
  readonly image: MemoryImage
}

/**
 * One model in one engine. A run begins in the same memory, byte for byte, whatever ran before: what was there after the
 * model was loaded is put back, in this engine or, when its memory has grown, in another. So a limit is hit, or not, by
 * the run alone.
 */
export class OnnxSession {
  readonly #engine: OrtEngine
  readonly #loaded: LoadedModel
  #spoilt = false

  /** Never throws. An engine whose loading failed is of no more use. */
  static load(engine: OrtEngine, model: OnnxModel, fuelMax: number): Metered<LoadResult> {
    return guarded<LoadResult>(engine, fuelMax, () => {
      const { ort } = engine
      const handle = createSession(engine, model.bytes)
      if (handle === 0) return lastError(engine)
      const runOptions = ort._OrtCreateRunOptions(logFatal, 0, false, 0)
      if (runOptions === 0) return lastError(engine)
      const image = new MemoryImage(bytesOf(engine))
      const loaded = { model, handle, runOptions, image }
      return { kind: 'loaded', session: new OnnxSession(engine, loaded) }
    })
  }

  private constructor(engine: OrtEngine, loaded: LoadedModel) {
    this.#engine = engine
    this.#loaded = loaded
  }

  /** The session again in an engine that was started empty; undefined when the host has no memory for it. */
  movedTo(engine: OrtEngine): OnnxSession | undefined {
    const { image } = this.#loaded
    try {
      engine.memory.grow((image.sizeBytes - engine.memory.buffer.byteLength) / pageBytes)
    } catch {
      return undefined
    }
    image.putBack(bytesOf(engine))
    return new OnnxSession(engine, this.#loaded)
  }

  /** `inputs` as the model names them, in its order. Never throws. */
  run(inputs: readonly Tensor[], fuelMax: number): Metered<OrtRunResult> {
    const ran = guarded<OrtRunResult>(this.#engine, fuelMax, () => this.#run(inputs))
    if (ran.result.kind !== 'ran') this.#spoilt = true
    return ran
  }

  /** Whether the session can be used again where it is; puts its memory back as it was if so. */
  rewind(): boolean {
    const { image } = this.#loaded
    const memory = bytesOf(this.#engine)
    if (this.#spoilt || memory.length !== image.sizeBytes) return false
    image.putBack(memory)
    return true
  }

  #run(inputs: readonly Tensor[]): OrtRunResult {
    const { ort } = this.#engine
    const { model, handle, runOptions } = this.#loaded
    const { inputs: wanted, outputs } = model
    const handles = inputs.map((tensor) => this.#createTensor(tensor))
    if (handles.includes(0)) return lastError(this.#engine)
    const outputsAt = this.#addresses(outputs.map(() => 0))
    const code = ort._OrtRun(
      handle,
      this.#addresses(wanted.map(({ name }) => this.#string(name))),
      this.#addresses(handles),
      wanted.length,
      this.#addresses(outputs.map(({ name }) => this.#string(name))),
      outputs.length,
      outputsAt,
      runOptions,
    )
    if (code !== 0) return lastError(this.#engine)
    const tensors: Tensor[] = []
    for (const [at, { name }] of outputs.entries()) {
      const read = this.#readTensor(name, wordsOf(this.#engine)[outputsAt / 4 + at]!)
      if ('kind' in read) return read
      tensors.push(read)
    }
    return { kind: 'ran', outputs: tensors }
  }

  #createTensor({ type, shape, data }: Tensor): number {
    const isStrings = !(data instanceof Uint8Array)
    const bytes = isStrings ? 4 * data.length : data.length
    const at = isStrings ? this.#addresses(data.map((text) => this.#string(text))) : put(this.#engine, data)
    const dims = this.#addresses(shape)
    return this.#engine.ort._OrtCreateTensor(type.code, at, bytes, dims, shape.length, locationCpu)
  }

  #readTensor(name: string, handle: number): Tensor | OrtFailure {
    const { ort } = this.#engine
    const at = this.#addresses([0, 0, 0, 0])
    if (ort._OrtGetTensorData(handle, at, at + 4, at + 8, at + 12) !== 0) return lastError(this.#engine)
    const words = wordsOf(this.#engine)
    const [code, dataAt, dimsAt, rank] = words.subarray(at / 4) as unknown as [number, number, number, number]
    const type = elementTypeCoded(code)
    if (type === undefined) {
      return {
        kind: 'failed',
        message: `The output ${name} is of a type that cannot be given (ONNX's ${code})`,
      }
    }
    const shape = [...words.subarray(dimsAt / 4, dimsAt / 4 + rank)]
    const count = elementCount(shape)
    if (type.name === 'string') return { name, type, shape, data: this.#readStrings(dataAt, count) }
    return { name, type, shape, data: bytesOf(this.#engine).slice(dataAt, dataAt + count * type.bytes) }
  }

  /** Addresses, and after them the strings without gaps and one zero at the end. */
  #readStrings(at: number, count: number): readonly string[] {
    const memory = bytesOf(this.#engine)
    const starts = wordsOf(this.#engine).subarray(at / 4, at / 4 + count)
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    return Array.from(starts, (start, index) => {
      const end = starts[index + 1] ?? memory.indexOf(0, start)
      return decoder.decode(memory.subarray(start, end))
    })
  }

  #addresses(words: readonly number[]): number {
    return put(this.#engine, new Uint8Array(Uint32Array.from(words).buffer))
  }

  #string(text: string): number {
    return put(this.#engine, new TextEncoder().encode(`${text}\0`))
  }
}

/** What is put into the engine's memory stays there until it is put back, or the engine is left. */
function put(engine: OrtEngine, bytes: Uint8Array): number {
  const at = engine.ort._malloc(bytes.length + 1)
  if (at === 0) throw new OutOfMemory()
  bytesOf(engine).set(bytes, at)
  return at
}

class OutOfMemory extends Error {}

function createSession(engine: OrtEngine, model: Uint8Array): number {
  const { ort } = engine
  const options = ort._OrtCreateSessionOptions(
    optimizationAll,
    false,
    false,
    executionSequential,
    false,
    0,
    0,
    logFatal,
    0,
    0,
  )
  if (options === 0) return 0
  // Without it the engine looks for a format of its own, which was not looked through.
  const key = put(engine, new TextEncoder().encode('session.load_model_format\0'))
  const value = put(engine, new TextEncoder().encode('ONNX\0'))
  if (ort._OrtAddSessionConfigEntry(options, key, value) !== 0) return 0
  const at = put(engine, model)
  const handle = ort._OrtCreateSession(at, model.length, options)
  ort._free(at)
  ort._OrtReleaseSessionOptions(options)
  return handle
}

function guarded<T extends { readonly kind: string }>(
  engine: OrtEngine,
  fuelMax: number,
  call: () => T | OrtFailure,
): Metered<T | OrtFailure> {
  const fuel = Math.min(Math.floor(fuelMax), Number.MAX_SAFE_INTEGER)
  engine.limitHit = false
  engine.fuel.value = BigInt(fuel)
  const result = attempt(call)
  const isOut = engine.fuel.value < 0n
  const fuelUsed = isOut ? fuel : fuel - Number(engine.fuel.value)
  return { result: limited(engine, result, isOut), fuelUsed }
}

function limited<T extends { readonly kind: string }>(
  engine: OrtEngine,
  result: T,
  isOutOfFuel: boolean,
): T | OrtFailure {
  if (engine.hostHit) return { kind: 'host', message: 'The host has no memory left for the model' }
  if (isOutOfFuel) return { kind: 'fuel' }
  // A model may get along without the memory that it was refused.
  return engine.limitHit && failureKinds.includes(result.kind) ? { kind: 'memory' } : result
}

const failureKinds: readonly string[] = ['failed', 'trap']

function attempt<T>(call: () => T | OrtFailure): T | OrtFailure {
  try {
    return sealed(call)
  } catch (error) {
    if (error instanceof OutOfMemory) return { kind: 'memory' }
    // How much of its own stack a host has differs.
    if (error instanceof RangeError)
      return { kind: 'host', message: `The engine broke down: ${error.message}` }
    return { kind: 'trap', message: `The engine broke down: ${String(error)}` }
  }
}

/** What allocators say when they are given nothing; also of sizes that no memory could have. */
const outOfMemoryText = /bad_alloc|Failed to allocate memory/

function lastError(engine: OrtEngine): OrtFailure {
  const { ort } = engine
  const stack = ort.stackSave()
  const at = ort.stackAlloc(8)
  ort._OrtGetLastError(at, at + 4)
  const messageAt = wordsOf(engine)[at / 4 + 1]!
  const message = messageAt === 0 ? 'no reason given' : ort.UTF8ToString(messageAt)
  ort.stackRestore(stack)
  return outOfMemoryText.test(message) ? { kind: 'memory' } : { kind: 'failed', message }
}

function bytesOf({ memory }: OrtEngine): Uint8Array {
  return new Uint8Array(memory.buffer)
}

function wordsOf({ memory }: OrtEngine): Uint32Array {
  return new Uint32Array(memory.buffer)
}
