import type {
  BorrowedHeapCharPointer,
  EmscriptenModuleCallbacks,
  EvalDetectModule,
  EvalFlags as Flags,
  HostRefId,
  IntrinsicsFlags as Intrinsics,
  JSContextPointer,
  JSContextPointerPointer,
  JSRuntimePointer,
  JSValueConstPointer,
  JSValueConstPointerPointer,
  JSValuePointer,
  JSValuePointerPointer,
} from 'quickjs-emscripten-core'
import { EvalFlags, IntrinsicsFlags, IsEqualOp } from 'quickjs-emscripten-core'
import { joinBytes } from '../kernel/bytes.ts'
import type { QuickJsInstance, QuickJsModule } from './quickjs-instance.ts'
import { instantiateQuickJs } from './quickjs-instance.ts'

/** A value inside the guest. Never freed by itself: the whole instance goes when the run has ended. */
export type GuestValue = JSValuePointer | JSValueConstPointer

/** A guest's step came to an end: with a value, or with what was thrown. */
export type Completion =
  | { readonly kind: 'value'; readonly value: GuestValue }
  | { readonly kind: 'thrown'; readonly error: GuestValue }

export type PromiseState = 'pending' | 'fulfilled' | 'rejected'

/** What the guest's engine calls while it runs. */
export interface GuestEvents {
  /** Once per 10,000 calls and backward jumps; `true` ends the run with an error that the guest cannot catch. */
  poll(): boolean
  /** A line was written; `true` throws in the guest. `bytes` is its length in UTF-8. */
  log(bytes: number): boolean
}

/** Everything of ECMAScript but Date and what would need threads. */
const intrinsics = (IntrinsicsFlags.BaseObjects |
  IntrinsicsFlags.Eval |
  IntrinsicsFlags.StringNormalize |
  IntrinsicsFlags.RegExp |
  IntrinsicsFlags.RegExpCompiler |
  IntrinsicsFlags.JSON |
  IntrinsicsFlags.Proxy |
  IntrinsicsFlags.MapSet |
  IntrinsicsFlags.TypedArrays |
  IntrinsicsFlags.Promise |
  IntrinsicsFlags.BigInt) as Intrinsics

/** Where the namespace ends in what the engine holds of a module: eight bytes, the tag of the value in the last four. */
const namespaceEnd = 88

const fileName = 'program.js'
const hostLog = 1 as HostRefId

/** The engine ran out of memory where it could not even say so. */
export class GuestMemoryError extends Error {}

/** One engine, one context, one run: a thin and typed layer over the engine's C interface. */
export class Guest {
  readonly instance: QuickJsInstance
  readonly #runtime: JSRuntimePointer
  readonly #context: JSContextPointer

  constructor(instance: QuickJsInstance, stackBytes: number) {
    this.instance = instance
    const { ffi } = instance
    this.#runtime = ffi.QTS_NewRuntime()
    ffi.QTS_RuntimeSetMaxStackSize(this.#runtime, stackBytes)
    this.#context = ffi.QTS_NewContext(this.#runtime, intrinsics)
    ffi.QTS_RuntimeEnableInterruptHandler(this.#runtime)
  }

  set stackBytes(bytes: number) {
    this.instance.ffi.QTS_RuntimeSetMaxStackSize(this.#runtime, bytes)
  }

  get undefined(): GuestValue {
    return this.instance.ffi.QTS_GetUndefined()
  }

  logFunction(): GuestValue {
    return this.#owned(this.instance.ffi.QTS_NewFunction(this.#context, 'log', 1, false, hostLog))
  }

  /** Runs `source` as a script and gives its last expression. */
  evaluateScript(source: Uint8Array): Completion {
    return this.#evaluate(source, EvalFlags.JS_EVAL_TYPE_GLOBAL | EvalFlags.JS_EVAL_FLAG_STRICT)
  }

  /**
   * Parses and links a module without running it. The engine then takes the source for the module, and its bytes 80 to
   * 87 for the module's namespace: what lies there may be no value that it acts upon, such as `undefined`.
   */
  compileModule(source: Uint8Array): Completion {
    const flags = EvalFlags.JS_EVAL_TYPE_MODULE | EvalFlags.JS_EVAL_FLAG_COMPILE_ONLY
    // A control character there is the tag of a value; with a space behind it, it is none.
    const text = source.length === namespaceEnd - 3 ? joinBytes([source, Uint8Array.of(0x20)]) : source
    return this.#evaluate(text, flags)
  }

  /** Runs a module: its namespace, or a promise of it when the module awaits at its top level. */
  evaluateModule(source: Uint8Array): Completion {
    return this.#evaluate(source, EvalFlags.JS_EVAL_TYPE_MODULE)
  }

  call(target: GuestValue, ...args: readonly GuestValue[]): Completion {
    const { engine, ffi } = this.instance
    const at = this.#allocate(4 * args.length)
    const view = new DataView(engine.HEAPU8.buffer)
    for (const [i, arg] of args.entries()) view.setUint32(at + 4 * i, arg, true)
    const pointers = at as JSValueConstPointerPointer
    return this.#completion(ffi.QTS_Call(this.#context, target, this.undefined, args.length, pointers))
  }

  property(target: GuestValue, name: string): Completion {
    const key = this.string(new TextEncoder().encode(name))
    return this.#completion(this.instance.ffi.QTS_GetProp(this.#context, target, key))
  }

  element(target: GuestValue, index: number): Completion {
    return this.#completion(this.instance.ffi.QTS_GetPropNumber(this.#context, target, index))
  }

  /** UTF-8 without a NUL. */
  string(utf8: Uint8Array): GuestValue {
    return this.#owned(this.instance.ffi.QTS_NewString(this.#context, this.#copyIn(utf8)))
  }

  typeOf(value: GuestValue): string {
    const pointer = this.instance.ffi.QTS_Typeof(this.#context, value)
    if (pointer === 0) throw new GuestMemoryError('no memory for the name of a type')
    return new TextDecoder().decode(this.#textAt(pointer))
  }

  isNull(value: GuestValue): boolean {
    const { ffi } = this.instance
    return (
      ffi.QTS_IsEqual(this.#context, value, ffi.QTS_GetNull(), IsEqualOp.IsStrictlyEqual as IsEqualOp) === 1
    )
  }

  /** UTF-8 of a value as text; of an object it runs the guest's `toString`. Undefined when that throws. */
  text(value: GuestValue): Uint8Array | undefined {
    const pointer = this.instance.ffi.QTS_GetString(this.#context, value)
    return pointer === 0 ? undefined : this.#textAt(pointer)
  }

  /** Length of a string in UTF-16 units. */
  stringLength(value: GuestValue): number {
    const length = this.property(value, 'length')
    return length.kind === 'thrown' ? 0 : this.instance.ffi.QTS_GetFloat64(this.#context, length.value)
  }

  /** A promise resolved with `value` as `await` would do it. */
  promiseOf(value: GuestValue): Completion {
    const { engine, ffi } = this.instance
    const at = this.#allocate(8)
    const promise = this.#completion(ffi.QTS_NewPromiseCapability(this.#context, at as JSValuePointerPointer))
    if (promise.kind === 'thrown') return promise
    const resolve = new DataView(engine.HEAPU8.buffer).getUint32(at, true) as JSValuePointer
    const resolved = this.call(resolve, value)
    return resolved.kind === 'thrown' ? resolved : promise
  }

  /** Undefined when `value` is no promise. */
  promiseState(value: GuestValue): PromiseState | undefined {
    const state: number = this.instance.ffi.QTS_PromiseState(this.#context, value)
    return state === 0 ? 'pending' : state === 1 ? 'fulfilled' : state === 2 ? 'rejected' : undefined
  }

  promiseResult(promise: GuestValue): GuestValue {
    return this.#owned(this.instance.ffi.QTS_PromiseResult(this.#context, promise))
  }

  /** Runs jobs until none is left or `stop` says so; it is asked after each job that ended with an error. */
  drainJobs(stop: () => boolean): void {
    const { ffi } = this.instance
    const at = this.#allocate(4) as JSContextPointerPointer
    while (!stop() && ffi.QTS_IsJobPending(this.#runtime) !== 0)
      ffi.QTS_ExecutePendingJob(this.#runtime, -1, at)
  }

  /** The engine's side of a call of the host's log function. */
  logged(argument: GuestValue, events: GuestEvents): JSValuePointer {
    const { ffi } = this.instance
    const bytes = this.text(argument)?.length ?? 0
    if (!events.log(bytes)) return ffi.QTS_GetUndefined() as unknown as JSValuePointer
    return ffi.QTS_Throw(this.#context, ffi.QTS_NewError(this.#context))
  }

  #evaluate(source: Uint8Array, flags: number): Completion {
    const at = this.#copyIn(source, namespaceEnd)
    const script = 0 as EvalDetectModule
    const { ffi } = this.instance
    return this.#completion(ffi.QTS_Eval(this.#context, at, source.length, fileName, script, flags as Flags))
  }

  #completion(pointer: JSValuePointer): Completion {
    const value = this.#owned(pointer)
    const error = this.instance.ffi.QTS_ResolveException(this.#context, value)
    return error === 0 ? { kind: 'value', value } : { kind: 'thrown', error }
  }

  #owned(pointer: JSValuePointer): JSValuePointer {
    if (pointer === 0) throw new GuestMemoryError('no memory for a value')
    return pointer
  }

  #allocate(bytes: number): number {
    const at = this.instance.engine._malloc(bytes)
    if (at === 0) throw new GuestMemoryError(`no memory for ${bytes} bytes`)
    return at
  }

  /** A copy in the guest's memory with a NUL behind it, or as many as make it `leastBytes` long. */
  #copyIn(bytes: Uint8Array, leastBytes = 0): BorrowedHeapCharPointer {
    const roomBytes = Math.max(bytes.length + 1, leastBytes)
    const at = this.#allocate(roomBytes)
    const heap = this.instance.engine.HEAPU8
    heap.set(bytes, at)
    heap.fill(0, at + bytes.length, at + roomBytes)
    return at as BorrowedHeapCharPointer
  }

  /** A copy of the text at `pointer`, up to its NUL. */
  #textAt(pointer: number): Uint8Array {
    const heap = this.instance.engine.HEAPU8
    return heap.slice(pointer, heap.indexOf(0, pointer))
  }
}

/** A guest whose engine reports to `events`. */
export async function createGuest(
  module: QuickJsModule,
  memoryBytes: number,
  stackBytes: number,
  events: GuestEvents,
): Promise<Guest> {
  let guest: Guest | undefined
  const none = 0 as BorrowedHeapCharPointer
  const callbacks: EmscriptenModuleCallbacks = {
    shouldInterrupt: () => (events.poll() ? 1 : 0),
    callFunction: (_asyncify, _context, _this, _count, args) =>
      guest!.logged(guest!.instance.ffi.QTS_ArgvGetJSValueConstPointer(args, 0), events),
    freeHostRef: () => {},
    loadModuleSource: () => none,
    normalizeModule: () => none,
  }
  const instance = await instantiateQuickJs(module, memoryBytes, callbacks)
  guest = new Guest(instance, stackBytes)
  return guest
}
