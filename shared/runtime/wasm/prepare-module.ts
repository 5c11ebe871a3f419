import type { ModuleContent } from './content.ts'
import type { Instructions as Code } from './instructions.ts'
import { Instructions, readInstructions } from './instructions.ts'
import { limits } from './limits.ts'
import { readModule } from './module.ts'
import { bodyOf, planOf } from './plan.ts'
import type { WasmRefusal } from './refusal.ts'
import { malformed, Refused } from './refusal.ts'
import { signatureOf } from './sections.ts'
import { wasiImports } from './wasi-imports.ts'
import { writePrepared } from './write-module.ts'

export interface PreparedModule {
  readonly kind: 'prepared'
  /** Instrumented, ready to compile. */
  readonly wasm: Uint8Array
  /** Of the memory that it imports, in 64 KiB pages. */
  readonly memoryPagesMin: number
  /** The module's own declared maximum; 32,768 when it declares none or more. */
  readonly memoryPagesMax: number
}

/**
 * Makes a stranger's WASI module safe and deterministic to run, or says why not; never throws, in time linear to the bytes.
 *
 * What is left after it means the same on every engine: WebAssembly 2.0 without reference types, imports of
 * `wasi_snapshot_preview1` only. The module given out imports those and its memory (`memoryImport`), and exports `_start`,
 * `memory`, and four mutable globals that the host sets before `_start`:
 * `fuel` (i64) counts down (fuel.ts says what costs what) and is below zero after the trap that ends a run without any;
 * `callBudget` (i32), bytes of estimated host stack, likewise;
 * `pagesMax` (i32), 64 KiB pages that the memory may have, at most 32,768;
 * `memoryHit` (i32) becomes 1 when a run is ended for asking for more, 2 when the host could not give what was allowed.
 * An import may lower `fuel` and `callBudget` while it is called. Every NaN whose bits the specification leaves open is
 * the canonical one wherever its bits can be seen.
 */
export function prepareModule(wasm: Uint8Array): PreparedModule | WasmRefusal {
  try {
    return prepare(wasm)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    return { kind: 'refused', feature: error.feature, offset: error.offset, message: error.message }
  }
}

function prepare(wasm: Uint8Array): PreparedModule {
  if (wasm.length > limits.moduleBytes) {
    throw new Refused('too many bytes', limits.moduleBytes, `${limits.moduleBytes} are the most`)
  }
  const content = readModule(wasm)
  const code = new Instructions()
  const vectors = readAllBodies(content, code)
  // Only an engine knows all the rules; ours adds to what it found valid and so cannot make valid what is not.
  if (!WebAssembly.validate(wasm as Uint8Array<ArrayBuffer>))
    throw malformed('it breaks a rule of WebAssembly', 0)
  checkInterface(content)
  const plan = planOf(content, code, vectors)
  const memory = content.memory!
  return {
    kind: 'prepared',
    wasm: writePrepared(content, code, plan),
    memoryPagesMin: memory.min,
    memoryPagesMax: Math.min(memory.max ?? limits.memoryPages, limits.memoryPages),
  }
}

/** Looks at every instruction; true if there are vectors among them. */
function readAllBodies(content: ModuleContent, code: Code): boolean {
  let locals = 0
  let vectors = false
  for (let i = 0; i < content.bodies.length / 2; i++) {
    const type = content.types[content.functions.at(content.importedFunctions + i)]
    const parameters = type?.parameters.length ?? 0
    readInstructions(bodyOf(content, i), parameters, code)
    locals += code.locals
    if (locals > limits.localsTotal) {
      const offset = content.bodies.at(2 * i)
      throw new Refused('too many locals in all functions', offset, `${limits.localsTotal} are the most`)
    }
    vectors ||= code.vectors
  }
  return vectors
}

function checkInterface(content: ModuleContent): void {
  for (const [i, { name, offset }] of content.imports.entries()) {
    const wanted: string = wasiImports[name as keyof typeof wasiImports]
    if (signatureOf(content.typeOf(i)) !== wanted) {
      throw new Refused(
        `the import "${name}" with a wrong signature`,
        offset,
        'build for wasm32-wasi (preview 1)',
      )
    }
  }
  const start = content.exports.get('_start')
  if (start === undefined) {
    const reactor = content.exports.get('_initialize')
    if (reactor !== undefined)
      throw new Refused('a reactor', reactor.offset, 'build a command, with a main function')
    throw new Refused('no export _start', 0, 'build a WASI command, with a main function')
  }
  if (start.kind !== 0 || content.typeOf(start.index).key !== '>') {
    throw new Refused(
      'an export _start that is no function without parameters and results',
      start.offset,
      'build a WASI command',
    )
  }
  const memory = content.exports.get('memory')
  if (content.memory === undefined) throw new Refused('no memory', 0, 'a WASI command has one and exports it')
  if (memory === undefined) throw new Refused('no export memory', 0, 'a WASI command exports its memory')
  if (memory.kind !== 2)
    throw new Refused('an export memory that is none', memory.offset, 'a WASI command exports its memory')
}
