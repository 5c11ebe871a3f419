import type { GuestError, Limits } from '../../task/task.ts'
import { cut, type LimitError, limitMessage, messageLengthMax } from '../limit-message.ts'
import type { RunResult } from '../program-runner.ts'
import { prepareModule } from '../wasm/prepare-module.ts'
import type { WasmRefusal } from '../wasm/refusal.ts'
import { memoryImport, type WasiImport, wasiModule } from '../wasm/wasi-imports.ts'
import { RunEnd } from './meter.ts'
import { pageBytes, SpareMemory } from './spare-memory.ts'
import { WasiHost } from './wasi-host.ts'

/** A program made ready to run any number of times; the module may be shared between threads. */
export interface WasiProgram {
  readonly module: WebAssembly.Module
  /** Functions of WASI that it imports. */
  readonly imports: readonly WasiImport[]
  /** What its memory starts with, and the most it can have by its own word, in pages of 64 KiB. */
  readonly memoryPagesMin: number
  readonly memoryPagesMax: number
}

export interface WasiRun {
  readonly input: Uint8Array
  /** 64 hex digits. */
  readonly seed: string
  readonly limits: Limits
}

/** Runs do not overlap: each comes to its end before the next can begin. */
const memories = new SpareMemory()

/** A task that asks for more stack gets this: its frames have to fit into the smallest stack among the hosts. */
const stackBytesMax = 64 * 1024
/**
 * Bytes of host stack, as the instrumented module estimates them, for each byte of a task's stack: 64 KiB are 320 KiB. In
 * the smallest stack there is, 500 KiB of a worker in Chromium, V8 goes on up to 640: other engines may need more.
 */
const hostStackRatio = 5

/** `memoryHit` of an instrumented module. */
const overPagesMax = 1
const hostGaveNone = 2

/** What every instrumented module exports. */
interface GuestExports {
  readonly _start: () => void
  readonly memory: WebAssembly.Memory
  readonly fuel: WebAssembly.Global<'i64'>
  readonly callBudget: WebAssembly.Global<'i32'>
  readonly pagesMax: WebAssembly.Global<'i32'>
  readonly memoryHit: WebAssembly.Global<'i32'>
}

/** Rejects only when the engine does not take what was prepared for it: a fault of ours or of the host's, no verdict. */
export async function compileWasi(program: Uint8Array): Promise<WasiProgram | WasmRefusal> {
  const prepared = prepareModule(program)
  if (prepared.kind === 'refused') return prepared
  const module = await WebAssembly.compile(prepared.wasm as Uint8Array<ArrayBuffer>)
  const imports = WebAssembly.Module.imports(module)
    .filter((one) => one.module === wasiModule)
    .map((one) => one.name as WasiImport)
  return {
    module,
    imports,
    memoryPagesMin: prepared.memoryPagesMin,
    memoryPagesMax: prepared.memoryPagesMax,
  }
}

/**
 * Runs the program from its beginning to its end in an instance of its own; never throws, and cannot be stopped from
 * inside. What each result means is in FORMATS, "Outcomes".
 */
export function runWasi(program: WasiProgram, run: WasiRun): RunResult {
  return new Execution(run).run(program)
}

class Execution {
  readonly #run: WasiRun
  #exports: GuestExports | undefined
  #host: WasiHost | undefined

  constructor(run: WasiRun) {
    this.#run = run
  }

  run(program: WasiProgram): RunResult {
    const { memoryBytes } = this.#run.limits
    const pagesMax = Math.floor(memoryBytes / pageBytes)
    if (program.memoryPagesMin > pagesMax) return this.#limitHit('memory')
    let thrown: unknown
    try {
      this.#start(program, pagesMax)
    } catch (error) {
      thrown = error
    }
    try {
      return this.#end(thrown)
    } catch (error) {
      return hostFault(error)
    }
  }

  #start(program: WasiProgram, pagesMax: number): void {
    const { fuel, stackBytes } = this.#run.limits
    const host = new WasiHost(this.#run, program.imports)
    this.#host = host
    const memory = memories.take(program.memoryPagesMin, program.memoryPagesMax)
    const { exports } = new WebAssembly.Instance(program.module, {
      [wasiModule]: host.functions,
      [memoryImport.module]: { [memoryImport.name]: memory },
    })
    const guest = exports as unknown as GuestExports
    this.#exports = guest
    guest.fuel.value = BigInt(fuel)
    guest.callBudget.value = Math.min(stackBytes, stackBytesMax) * hostStackRatio
    guest.pagesMax.value = pagesMax
    host.attach(guest.memory, guest.fuel)
    guest._start()
  }

  /** `thrown` as the guest's run ended with it. */
  #end(thrown: unknown): RunResult {
    const memoryHit = this.#exports?.memoryHit.value ?? 0
    // What the guest was refused for want of host memory, another host would have given it: no verdict.
    if (memoryHit === hostGaveNone) return hostFault('The host has no memory left for the program')
    const limit = this.#limit(memoryHit)
    if (limit !== undefined) return this.#limitHit(limit)
    if (thrown instanceof RunEnd) return this.#exited(this.#host!.meter.exitCode!)
    if (thrown === undefined) return this.#exited(0)
    if (thrown instanceof WebAssembly.RuntimeError)
      return this.#error('trap', `The program trapped: ${thrown.message}`)
    // The host's own stack or memory came to its end, or the host is broken.
    return hostFault(thrown)
  }

  /** The limit that was hit first: all but memory end the run at once, and memory is asked for before that. */
  #limit(memoryHit: number): LimitError | undefined {
    if (memoryHit === overPagesMax) return 'memory'
    const hit = this.#host?.meter.hit
    if (hit !== undefined || this.#exports === undefined) return hit
    if (this.#exports.fuel.value < 0n) return 'fuel'
    return this.#exports.callBudget.value < 0 ? 'stack' : undefined
  }

  #exited(code: number): RunResult {
    if (code !== 0) return this.#error('exit', `The program ended with exit code ${code}`)
    return { kind: 'ok', output: this.#host!.output.bytes(), fuelUsed: this.#fuelUsed }
  }

  #limitHit(limit: LimitError): RunResult {
    const message = limitMessage(limit, this.#run.limits)
    return { kind: 'error', error: limit, message, fuelUsed: this.#fuelUsed }
  }

  /** With the last that the program logged, which is where an assertion says what failed. */
  #error(error: GuestError, message: string): RunResult {
    const lastWords = readable(this.#host!.log.bytes().subarray(-lastWordsBytes))
    const text = lastWords === '' ? message : `${message}. Its log ends with: ${lastWords}`
    return { kind: 'error', error, message: cut(text, messageLengthMax), fuelUsed: this.#fuelUsed }
  }

  /** Never more than there was: the call or instruction that there was no fuel for is not counted. */
  get #fuelUsed(): number {
    const { fuel } = this.#run.limits
    return this.#exports === undefined ? 0 : Math.min(fuel, fuel - Number(this.#exports.fuel.value))
  }
}

const lastWordsBytes = 600

/** Text for a person's eyes: no control characters, which terminals obey. */
function readable(utf8: Uint8Array): string {
  return new TextDecoder()
    .decode(utf8)
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()
}

function hostFault(error: unknown): RunResult {
  return { kind: 'none', reason: 'host', message: cut(String(error), messageLengthMax) }
}
