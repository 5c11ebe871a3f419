import { createHash } from 'node:crypto'
import wabtInit from 'wabt'
import { Random } from '../../shared/kernel/random.ts'
import { type PreparedModule, prepareModule } from '../../shared/runtime/wasm/prepare-module.ts'
import { memoryFor } from '../support/guest-memory.ts'
import { mutateModule } from './mutate-module.ts'
import { randomModule } from './random-module.ts'

export interface Counts {
  tried: number
  refused: number
  accepted: number
  ran: number
}

/** The longest that one module may take to be prepared, compiled and run twice with little fuel. */
const caseMsMax = 1000

const wabt = await wabtInit()
/** A second opinion: what is accepted has to be valid without any of these. */
const features = {
  exceptions: false,
  threads: false,
  tail_call: false,
  reference_types: false,
  function_references: false,
  gc: false,
  memory64: false,
  multi_memory: false,
  extended_const: false,
  relaxed_simd: false,
  custom_page_sizes: false,
  annotations: false,
  code_metadata: false,
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  simd: true,
  multi_value: true,
  bulk_memory: true,
}

/** Module number `index` of a seed: made at random, and mostly mutated. */
export function fuzzModule(seed: number, index: number): Uint8Array {
  const random = new Random(seed, index)
  const make = () => randomModule(random, { wild: random.below(4) > 0 })
  const module = make()
  return random.below(8) === 0 ? module : mutateModule(random, module, make())
}

/** Throws, with what is wrong, if the preparation of a module does not hold what it promises. */
export function checkModule(wasm: Uint8Array, counts: Counts): void {
  const start = performance.now()
  counts.tried++
  const outcome = prepareModule(wasm)
  if (outcome.kind === 'refused') {
    counts.refused++
    if (outcome.offset < 0 || outcome.offset > wasm.length)
      throw new Error(`The offset ${outcome.offset} is outside`)
    if (outcome.message === '' || outcome.feature === '') throw new Error('The refusal says nothing')
  } else {
    counts.accepted++
    secondOpinion(wasm)
    const module = new WebAssembly.Module(outcome.wasm as Uint8Array<ArrayBuffer>)
    const first = runOnce(module, outcome)
    const second = runOnce(module, outcome)
    if (first !== second) throw new Error(`It ended in two ways: ${first} and ${second}`)
    if (first !== undefined) counts.ran++
  }
  const ms = performance.now() - start
  if (ms > caseMsMax) throw new Error(`It took ${ms.toFixed(0)} ms`)
}

function secondOpinion(wasm: Uint8Array): void {
  try {
    validate(wasm, features)
  } catch (error) {
    // A table's index 0 in more than one byte came with reference types, and stands in modules of today's linkers.
    if (!String(error).includes('call_indirect reserved value must be 0')) throw error
    validate(wasm, { ...features, reference_types: true })
  }
}

function validate(wasm: Uint8Array, allowed: object): void {
  const read = wabt.readWasm(wasm, { ...allowed, readDebugNames: false })
  try {
    read.validate()
  } finally {
    read.destroy()
  }
}

/** All that can be seen of a run with little fuel; undefined when the module cannot be started at all. */
function runOnce(module: WebAssembly.Module, { wasm, memoryPagesMin }: PreparedModule): string | undefined {
  const names = WebAssembly.Module.imports(module).map(({ name }) => [name, () => 0])
  if (memoryPagesMin > 1000) return undefined
  let exports: WebAssembly.Exports
  try {
    exports = new WebAssembly.Instance(module, {
      wasi_snapshot_preview1: Object.fromEntries(names),
      ...memoryFor(wasm),
    }).exports
  } catch (error) {
    // A segment that lies outside of its table or memory.
    if (error instanceof WebAssembly.RuntimeError) return undefined
    throw error
  }
  const global = (name: string) => exports[name] as WebAssembly.Global
  global('fuel').value = 20_000n
  global('callBudget').value = 320 * 1024
  global('pagesMax').value = memoryPagesMin + 8
  let end = 'end'
  try {
    ;(exports['_start'] as () => void)()
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error
    end = String(error)
  }
  const state = ['fuel', 'callBudget', 'memoryHit'].map((name) => String(global(name).value))
  const memory = createHash('sha256').update(new Uint8Array((exports['memory'] as WebAssembly.Memory).buffer))
  return [end, ...state, memory.digest('hex')].join()
}
