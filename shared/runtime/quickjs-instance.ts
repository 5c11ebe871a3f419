import loadEngine from '@jitl/quickjs-wasmfile-release-sync/emscripten-module'
import { QuickJSFFI } from '@jitl/quickjs-wasmfile-release-sync/ffi'
import type {
  EmscriptenModuleCallbacks,
  EmscriptenModuleLoader,
  EmscriptenModuleLoaderOptions,
  QuickJSEmscriptenModule,
} from 'quickjs-emscripten-core'
import { MemoryImage } from './memory-image.ts'
import { limitEngine, memoryHits, stackHits, stackLeft } from './quickjs-limits.ts'
import { firstPages, pageBytes } from './quickjs-memory.ts'

/** One QuickJS with a linear memory of its own; dropped, never disposed of. */
export interface QuickJsInstance {
  readonly ffi: QuickJSFFI
  readonly engine: QuickJSEmscriptenModule
  /** How often the guest has met the end of its stack or its memory, caught or not. */
  hits(): { readonly stack: number; readonly memory: number }
  /** The host could not give memory that the guest's limit allows: nothing the guest is to blame for. */
  hostOutOfMemory(): boolean
  /** All of the engine's state: the memory and the globals. */
  state(): QuickJsState
  /** Makes the engine what `state` says of it, or of another of the same module; `false` when that cannot be done. */
  putBack(state: QuickJsState): boolean
}

/** What an engine was at one moment. */
export interface QuickJsState {
  readonly memory: MemoryImage
  readonly globals: readonly unknown[]
}

/** The engine compiled: stateless, and shared by every thread of a host. */
export type QuickJsModule = WebAssembly.Module

// The package's types describe its CommonJS face; the ES module's default export is the loader itself.
const load = loadEngine as unknown as EmscriptenModuleLoader<QuickJSEmscriptenModule>

/** The engine's pointers are signed in places: 2 GiB is the end. */
const memoryBytesMax = 32_768 * pageBytes
/** Beyond this a new engine takes less time than putting back one whose guest made it grow. */
const rewoundBytesMax = 64 * 1024 * 1024

/** Compiles the engine's published bytes, made ready to show its limits; share the module, it holds no state. */
export async function compileQuickJs(wasm: Uint8Array): Promise<QuickJsModule> {
  return WebAssembly.compile(limitEngine(wasm) as Uint8Array<ArrayBuffer>)
}

/** `memoryBytes` from `memoryBytesMin` on; `callbacks` is what the engine calls the host with. */
export async function instantiateQuickJs(
  module: QuickJsModule,
  memoryBytes: number,
  callbacks: EmscriptenModuleCallbacks,
): Promise<QuickJsInstance> {
  const maximum = Math.floor(Math.min(memoryBytes, memoryBytesMax) / pageBytes)
  const memory = new WebAssembly.Memory({ initial: firstPages, maximum })
  const growth = new Growth(memory, maximum)
  let exports: WebAssembly.Exports | undefined
  const options: EmscriptenModuleLoaderOptions & { print(): void; printErr(): void } = {
    wasmMemory: memory,
    print: () => {},
    printErr: () => {},
    instantiateWasm: (imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) => {
      growth.through(imports.a!.k as ResizeHeap)
      Object.assign(imports.a!, closedWorld(memory, growth))
      const instance = new WebAssembly.Instance(module, imports)
      exports = instance.exports
      done(instance)
      return exports
    },
  }
  const engine = await load(options)
  engine.type = 'sync'
  engine.callbacks = callbacks
  const counter = (name: string): number => (exports![name] as WebAssembly.Global<'i32'>).value
  return {
    ffi: new QuickJSFFI(engine),
    engine,
    hits: () => ({
      stack: counter(stackHits) + (counter(stackLeft) < 0 ? 1 : 0),
      memory: counter(memoryHits) + growth.refused,
    }),
    hostOutOfMemory: () => growth.hostFailed,
    state: () => ({
      memory: new MemoryImage(new Uint8Array(memory.buffer)),
      globals: globalsOf(exports!).map(({ value }) => value),
    }),
    putBack(state) {
      const bytes = new Uint8Array(memory.buffer)
      if (bytes.length > rewoundBytesMax || growth.refused > 0 || growth.hostFailed) return false
      state.memory.putBack(bytes)
      for (const [i, global] of globalsOf(exports!).entries()) global.value = state.globals[i]
      return true
    },
  }
}

function globalsOf(exports: WebAssembly.Exports): WebAssembly.Global[] {
  return Object.values(exports).filter((each) => each instanceof WebAssembly.Global)
}

/**
 * The engine's imports that look at the world, answered without one: time is 0, the zone is UTC, there is no
 * environment. The letters are those of the pinned build, and tests hold them in place.
 */
function closedWorld(memory: WebAssembly.Memory, growth: Growth): Record<string, WebAssembly.ImportValue> {
  const write = (at: number, values: readonly number[]): void => {
    const view = new DataView(memory.buffer)
    for (const [i, value] of values.entries()) view.setInt32(at + 4 * i, value, true)
  }
  return {
    /** emscripten_date_now */
    p: () => 0,
    /** _localtime_js(time, tm): second … isdst, gmtoff of 1 January 1970 */
    m: (_time: bigint, at: number) => write(at, [0, 0, 0, 1, 0, 70, 4, 0, 0, 0]),
    /** _tzset_js(timezone, daylight, …) */
    n: (zone: number, daylight: number) => {
      write(zone, [0])
      write(daylight, [0])
    },
    /** _setitimer_js */
    j: () => 0,
    /** environ_get */
    e: () => 0,
    /** environ_sizes_get(count, size) */
    f: (count: number, size: number) => {
      write(count, [0])
      write(size, [0])
      return 0
    },
    /** emscripten_resize_heap */
    k: (sizeBytes: number) => (growth.to(sizeBytes >>> 0) ? 1 : 0),
  }
}

type ResizeHeap = (sizeBytes: number) => boolean

/** Growth of the linear memory: refused above the guest's limit, and known apart from what the host cannot give. */
class Growth {
  refused = 0
  hostFailed = false
  readonly #pagesMax: number
  #resize: ResizeHeap | undefined

  constructor(memory: WebAssembly.Memory, pagesMax: number) {
    this.#pagesMax = pagesMax
    // The engine asks for a fifth more than it needs; near the limit it has to get what is left instead of nothing.
    const grow = memory.grow.bind(memory)
    memory.grow = (pages) => grow(Math.min(pages, pagesMax - memory.buffer.byteLength / pageBytes))
  }

  /** The engine's own function, which also renews its views of the memory. */
  through(resize: ResizeHeap): void {
    this.#resize = resize
  }

  to(sizeBytes: number): boolean {
    if (sizeBytes > this.#pagesMax * pageBytes) {
      this.refused++
      return false
    }
    const grown = this.#resize!(sizeBytes)
    if (!grown) this.hostFailed = true
    return grown
  }
}
