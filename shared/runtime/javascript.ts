import type { GuestError, Limits } from '../task/task.ts'
import type { LimitError } from './limit-message.ts'
import { cut, limitMessage, messageLengthMax } from './limit-message.ts'
import type { ProgramRun, RunResult } from './program-runner.ts'
import type { Completion, Guest, GuestEvents, GuestValue } from './quickjs-guest.ts'
import { createGuest, GuestMemoryError } from './quickjs-guest.ts'
import type { QuickJsModule, QuickJsState } from './quickjs-instance.ts'
import { memoryBytesMin } from './quickjs-memory.ts'
import { prelude } from './quickjs-prelude.ts'

/**
 * Fuel taken at each poll of the engine, which polls once per 10,000 calls and backward jumps (a regular expression:
 * per 10,000 steps back). With the default limit of 1e10 that is 1e9 of them: where an empty loop
 * takes 9 s on a desktop, arithmetic and sorting take 40 s.
 */
export const fuelPerPoll = 100_000

/** The engine checks its own C stack; a task that asks for more would end in the host's stack instead. */
const stackBytesMax = 64 * 1024

const stackLengthMax = 4_000

type JavaScriptRun = Omit<ProgramRun, 'programHash'>

/** Runs JavaScript programs, one at a time; FORMATS, "Outcomes", says what each result means. */
export interface JavaScriptRuntime {
  /** Makes the next run's engine ahead of it. Runs do it themselves for the limits they were given. */
  prepare(limits: Limits): Promise<void>
  /** Never rejects. Cannot be stopped from inside: the host kills the thread. */
  run(run: JavaScriptRun): Promise<RunResult>
}

/** `module` as compiled by `compileQuickJs`. */
export function createJavaScriptRuntime(module: QuickJsModule): JavaScriptRuntime {
  const engines = new Engines(module)
  return {
    async prepare({ memoryBytes }) {
      if (memoryBytes >= memoryBytesMin) await engines.prepare(memoryBytes).catch(() => {})
    },
    async run(run) {
      const { memoryBytes } = run.limits
      if (memoryBytes < memoryBytesMin) return tooSmall(memoryBytes)
      let execution: Execution
      try {
        execution = await engines.take(memoryBytes)
      } catch (error) {
        return { kind: 'none', reason: 'host', message: `The engine did not start: ${String(error)}` }
      }
      const result = execution.run(run)
      engines.giveBack(memoryBytes, execution)
      return result
    },
  }
}

/**
 * The engine of the next run. To make one takes 2 ms; to put the last one's memory and globals back as they were before
 * its run, which is all the state it has, takes a tenth of that.
 */
class Engines {
  readonly #module: QuickJsModule
  readonly #beginning: Beginning = {}
  #spare: { readonly memoryBytes: number; readonly execution: Promise<Execution> } | undefined
  #used: { readonly memoryBytes: number; readonly execution: Execution } | undefined

  constructor(module: QuickJsModule) {
    this.#module = module
  }

  prepare(memoryBytes: number): Promise<Execution> {
    if (this.#spare?.memoryBytes !== memoryBytes) {
      const execution =
        this.#rewound(memoryBytes) ?? Execution.create(this.#module, memoryBytes, this.#beginning)
      execution.catch(() => {})
      this.#spare = { memoryBytes, execution }
    }
    return this.#spare.execution
  }

  async take(memoryBytes: number): Promise<Execution> {
    const prepared = this.prepare(memoryBytes)
    this.#spare = undefined
    return prepared
  }

  giveBack(memoryBytes: number, execution: Execution): void {
    this.#used = { memoryBytes, execution }
  }

  #rewound(memoryBytes: number): Promise<Execution> | undefined {
    const used = this.#used
    if (used?.memoryBytes !== memoryBytes) return undefined
    this.#used = undefined
    return used.execution.rewind() ? Promise.resolve(used.execution) : undefined
  }
}

function tooSmall(memoryBytes: number): RunResult {
  const message = `The engine itself takes ${memoryBytesMin} bytes of memory; the task allows ${memoryBytes}`
  return { kind: 'error', error: 'memory', message, fuelUsed: 0 }
}

/**
 * What every engine is before its first run. All are made alike, knowing neither time nor chance, so it is read from the
 * first alone: to read what no engine has touched yet would make the host find memory for it.
 */
interface Beginning {
  state?: QuickJsState
}

/** One engine, and one run at a time from the same beginning. */
class Execution implements GuestEvents {
  #guest: Guest | undefined
  #limits: Limits | undefined
  #polls = 0
  #logBytes = 0
  /** The limit that was hit first; nothing the guest does afterwards changes it. */
  #hit: LimitError | undefined
  /** The outcome stands and the engine is only asked what to say about it. */
  #decided = false
  #isBroken = false
  #putBack: (() => boolean) | undefined
  #parse: GuestValue | undefined
  #stringify: GuestValue | undefined
  #seed: GuestValue | undefined

  static async create(module: QuickJsModule, memoryBytes: number, beginning: Beginning): Promise<Execution> {
    const execution = new Execution()
    await execution.#start(module, memoryBytes, beginning)
    return execution
  }

  async #start(module: QuickJsModule, memoryBytes: number, beginning: Beginning): Promise<void> {
    const guest = await createGuest(module, memoryBytes, stackBytesMax, this)
    this.#guest = guest
    const install = valueFrom(guest.evaluateScript(new TextEncoder().encode(prelude)))
    const kept = valueFrom(guest.call(install, guest.logFunction()))
    this.#parse = valueFrom(guest.element(kept, 0))
    this.#stringify = valueFrom(guest.element(kept, 1))
    this.#seed = valueFrom(guest.element(kept, 2))
    const polls = this.#polls
    beginning.state ??= guest.instance.state()
    const { state } = beginning
    this.#putBack = () => {
      this.#polls = polls
      return guest.instance.putBack(state)
    }
  }

  /** Makes all as it was before the run; false after one that hit a limit or broke the engine. */
  rewind(): boolean {
    if (this.#hit !== undefined || this.#isBroken || !this.#putBack!()) return false
    this.#logBytes = 0
    this.#limits = undefined
    this.#decided = false
    return true
  }

  poll(): boolean {
    if (this.#decided) return true
    this.#polls++
    this.#noteHits()
    if (this.#limits !== undefined && this.#fuelUsed >= this.#limits.fuel) this.#hit ??= 'fuel'
    return this.#hit !== undefined
  }

  log(bytes: number): boolean {
    this.#logBytes += bytes + 1
    if (this.#limits !== undefined && this.#logBytes > this.#limits.logBytes) this.#hit ??= 'log'
    return this.#hit !== undefined
  }

  run(run: JavaScriptRun): RunResult {
    this.#limits = run.limits
    const result = this.#attempt(run)
    // What the guest was refused for want of host memory, another host would have given it: no verdict.
    if (!this.#guest!.instance.hostOutOfMemory()) return result
    return { kind: 'none', reason: 'host', message: 'The host has no memory left for the program' }
  }

  #attempt(run: JavaScriptRun): RunResult {
    try {
      return this.#run(run)
    } catch (error) {
      return this.#broken(error)
    }
  }

  #run({ program, input, seed, limits }: JavaScriptRun): RunResult {
    const guest = this.#guest!
    if (!isText(program))
      return this.#error('invalidProgram', 'The program is neither UTF-8 text nor a WebAssembly module')
    if (!isText(input)) return this.#error('notJson', 'The input is not JSON: it is not UTF-8 text')
    guest.stackBytes = Math.min(limits.stackBytes, stackBytesMax)
    valueFrom(guest.call(this.#seed!, this.#seedWords(seed)))
    const argument = guest.call(this.#parse!, guest.string(input))
    if (argument.kind === 'thrown') return this.#thrown('notJson', argument.error, 'The input is not JSON: ')
    const compiled = guest.compileModule(program)
    if (compiled.kind === 'thrown') return this.#thrown('invalidProgram', compiled.error)
    const main = this.#defaultExport(guest.evaluateModule(program))
    if ('result' in main) return main.result
    const returned = guest.call(main.value, argument.value)
    if (returned.kind === 'thrown') return this.#thrown('thrown', returned.error)
    const settled = this.#settle(returned.value, 'The promise that the program returned never settled')
    if ('result' in settled) return settled.result
    return this.#output(settled.value)
  }

  #defaultExport(evaluated: Completion): Settled {
    const guest = this.#guest!
    if (evaluated.kind === 'thrown') return { result: this.#thrown('thrown', evaluated.error) }
    let namespace = evaluated.value
    if (guest.promiseState(namespace) !== undefined) {
      const settled = this.#settle(namespace, 'The program awaits at its top level what never comes')
      if ('result' in settled) return settled
      namespace = settled.value
    }
    const main = guest.property(namespace, 'default')
    if (main.kind === 'thrown') return { result: this.#thrown('thrown', main.error) }
    if (guest.typeOf(main.value) !== 'function') {
      return { result: this.#error('invalidProgram', 'The program has no function as its default export') }
    }
    return main
  }

  /** `value` awaited: every job is run until none is left. */
  #settle(value: GuestValue, unsettled: string): Settled {
    const guest = this.#guest!
    const promise = guest.promiseOf(value)
    if (promise.kind === 'thrown') return { result: this.#thrown('thrown', promise.error) }
    guest.drainJobs(() => {
      this.#noteHits()
      return this.#hit !== undefined
    })
    if (this.#hit !== undefined) return { result: this.#limitHit(this.#hit) }
    const state = guest.promiseState(promise.value)
    if (state === 'pending') return { result: this.#error('unsettled', unsettled) }
    const result = guest.promiseResult(promise.value)
    return state === 'fulfilled' ? { value: result } : { result: this.#thrown('thrown', result) }
  }

  #output(value: GuestValue): RunResult {
    const guest = this.#guest!
    const written = guest.call(this.#stringify!, value)
    if (written.kind === 'thrown')
      return this.#thrown('notJson', written.error, 'The output cannot be written as JSON: ')
    const { outputBytes } = this.#limits!
    if (guest.typeOf(written.value) !== 'string')
      return this.#error('notJson', 'The program returned no JSON value')
    const length = guest.stringLength(written.value)
    const text = length > outputBytes ? undefined : guest.text(written.value)
    this.#noteHits()
    if (this.#hit !== undefined) return this.#limitHit(this.#hit)
    if (text === undefined || text.length > outputBytes) {
      return this.#limitHit('output')
    }
    return { kind: 'ok', output: text, fuelUsed: this.#fuelUsed }
  }

  /** Eight words of 32 bits as an array of the guest's. */
  #seedWords(seed: string): GuestValue {
    const words: number[] = []
    for (let i = 0; i < 8; i++) words.push(Number.parseInt(seed.slice(8 * i, 8 * i + 8), 16) | 0)
    return valueFrom(
      this.#guest!.call(this.#parse!, this.#guest!.string(new TextEncoder().encode(JSON.stringify(words)))),
    )
  }

  get #fuelUsed(): number {
    return this.#polls * fuelPerPoll
  }

  #noteHits(): void {
    if (this.#hit !== undefined) return
    const { stack, memory } = this.#guest!.instance.hits()
    if (stack > 0) this.#hit = 'stack'
    else if (memory > 0) this.#hit = 'memory'
  }

  #error(error: GuestError, message: string): RunResult {
    this.#noteHits()
    if (this.#hit !== undefined) return this.#limitHit(this.#hit)
    return { kind: 'error', error, message, fuelUsed: this.#fuelUsed }
  }

  #limitHit(error: LimitError): RunResult {
    return { kind: 'error', error, message: limitMessage(error, this.#limits!), fuelUsed: this.#fuelUsed }
  }

  #thrown(error: GuestError, thrown: GuestValue, prefix = ''): RunResult {
    this.#noteHits()
    if (this.#hit !== undefined) return this.#limitHit(this.#hit)
    this.#decided = true
    const fuelUsed = this.#fuelUsed
    const { message, stack } = describe(this.#guest!, thrown)
    const outcome = {
      kind: 'error',
      error,
      message: cut(prefix + message, messageLengthMax),
      fuelUsed,
    } as const
    return stack === undefined ? outcome : { ...outcome, stack: cut(stack, stackLengthMax) }
  }

  /** The engine itself gave up. */
  #broken(error: unknown): RunResult {
    this.#isBroken = true
    this.#noteHits()
    if (error instanceof GuestMemoryError) this.#hit ??= 'memory'
    if (this.#hit !== undefined) return this.#limitHit(this.#hit)
    const message = cut(String(error), messageLengthMax)
    // Not a trap: a fault of the host's, or a stack smaller than the engine's budget of calls. No verdict either way.
    if (!(error instanceof WebAssembly.RuntimeError)) return { kind: 'none', reason: 'host', message }
    return { kind: 'error', error: 'trap', message, fuelUsed: this.#fuelUsed }
  }
}

type Settled = { readonly value: GuestValue } | { readonly result: RunResult }

function valueFrom(completion: Completion): GuestValue {
  if (completion.kind === 'thrown') throw new Error('The engine refused what the host does before a run')
  return completion.value
}

/** UTF-8 without NUL. */
function isText(bytes: Uint8Array): boolean {
  if (bytes.includes(0)) return false
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

/** What was thrown, in words. Guest code may run here; it is stopped at its next poll and its errors are dropped. */
function describe(guest: Guest, thrown: GuestValue): { readonly message: string; readonly stack?: string } {
  try {
    const type = guest.typeOf(thrown)
    if (type !== 'object' || guest.isNull(thrown))
      return { message: type === 'symbol' || type === 'function' ? type : decode(guest.text(thrown)) }
    const read = (name: string): string => {
      const property = guest.property(thrown, name)
      if (property.kind === 'thrown' || guest.typeOf(property.value) !== 'string') return ''
      return decode(guest.text(property.value))
    }
    const message = [read('name'), read('message')].filter((part) => part !== '').join(': ')
    const stack = read('stack')
    return {
      message: (message === '' ? 'The program threw an object' : message) + placeIn(stack),
      ...(stack === '' ? {} : { stack }),
    }
  } catch {
    return { message: 'The program threw what could not be described' }
  }
}

/** Where in the program's text, by the innermost frame that is there. */
function placeIn(stack: string): string {
  const [, line, column] = /\bprogram\.js:(\d{1,7}):(\d{1,7})/.exec(stack) ?? []
  return line === undefined ? '' : ` (line ${line}, column ${column})`
}

function decode(utf8: Uint8Array | undefined): string {
  return utf8 === undefined ? '' : new TextDecoder().decode(utf8)
}
