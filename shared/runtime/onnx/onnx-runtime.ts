import type { Limits } from '../../task/task.ts'
import { cut, limitMessage, messageLengthMax } from '../limit-message.ts'
import type { ProgramRun, RunResult } from '../program-runner.ts'
import type { Runtime } from '../serve-runs.ts'
import { compileOnnxEngine } from './onnx-engine.ts'
import type { ModelRefusal, OnnxModel } from './onnx-model.ts'
import { checkModel } from './onnx-model.ts'
import type { LoadResult, Metered, OrtFailure } from './onnx-session.ts'
import { OnnxSession } from './onnx-session.ts'
import { engineMemoryBytes, OrtEngine } from './ort-engine.ts'
import { readTensors } from './tensor-input.ts'
import { writeTensors } from './tensor-output.ts'

type OnnxRun = Pick<ProgramRun, 'program' | 'input' | 'limits'>

/** Runs ONNX models, one at a time; made for one model, and remembers only the last. */
export interface OnnxRuntime extends Runtime {
  /** FORMATS, "Outcomes", says what each result means. Never rejects. */
  run(run: OnnxRun): Promise<RunResult>
  /** Loads the model of this run anew if the run used it up. */
  prepare(after: OnnxRun): Promise<void>
}

/** `engine` is ONNX Runtime's published WebAssembly, or what `compileOnnxEngine` made of it. */
export async function createOnnxRuntime(engine: WebAssembly.Module | Uint8Array): Promise<OnnxRuntime> {
  const module = engine instanceof Uint8Array ? await compileOnnxEngine(engine) : engine
  return new OneModelRuntime(module, await OrtEngine.start(module))
}

/** A model that is loaded, or why it cannot be, within this much memory. */
interface Loaded extends Metered<LoadResult> {
  readonly memoryBytes: number
  /** Its engine cannot be used again. */
  readonly isSpent: boolean
}

class OneModelRuntime implements OnnxRuntime {
  readonly #module: WebAssembly.Module
  #spare: OrtEngine | undefined
  #checked: { readonly program: Uint8Array; readonly model: OnnxModel | ModelRefusal } | undefined
  #loaded: Loaded | undefined

  constructor(module: WebAssembly.Module, spare: OrtEngine) {
    this.#module = module
    this.#spare = spare
  }

  async run({ program, input, limits }: OnnxRun): Promise<RunResult> {
    const model = this.#check(program)
    if (model.kind === 'refused') return error('invalidProgram', model.message)
    if (limits.memoryBytes < engineMemoryBytes) {
      const message = `The ONNX engine itself takes ${engineMemoryBytes} bytes of memory; the task allows ${limits.memoryBytes}`
      return error('memory', message)
    }
    const { result: loaded, fuelUsed: loading } = await this.#load(model, limits)
    if (loaded.kind !== 'loaded') return failure(loaded, 'invalidProgram', limits, loading)
    const { session } = loaded
    const given = readTensors(input, model.inputs)
    if (given.kind === 'refused') return error(given.error, given.message, loading)
    const ran = session.run(given.tensors, limits.fuel - loading)
    const fuelUsed = loading + ran.fuelUsed
    if (!session.rewind()) this.#spend()
    if (ran.result.kind !== 'ran') return failure(ran.result, 'thrown', limits, fuelUsed)
    const output = writeTensors(ran.result.outputs, given.form, limits.outputBytes)
    if (output === undefined) return error('output', limitMessage('output', limits), fuelUsed)
    return { kind: 'ok', output, fuelUsed }
  }

  async prepare({ program, limits }: OnnxRun): Promise<void> {
    const model = this.#check(program)
    if (model.kind === 'model' && limits.memoryBytes >= engineMemoryBytes) await this.#load(model, limits)
  }

  #check(program: Uint8Array): OnnxModel | ModelRefusal {
    // The same program comes as the same object: its sandbox holds it.
    if (this.#checked?.program !== program) {
      this.#loaded = undefined
      this.#checked = { program, model: checkModel(program) }
    }
    return this.#checked.model
  }

  #spend(): void {
    if (this.#loaded !== undefined) this.#loaded = { ...this.#loaded, isSpent: true }
  }

  /** Every run pays for the loading of its model, whether it was loaded before or not. */
  async #load(model: OnnxModel, { memoryBytes, fuel }: Limits): Promise<Metered<LoadResult>> {
    const before = this.#loaded
    const isSame = before !== undefined && before.memoryBytes === memoryBytes && before.fuelUsed <= fuel
    if (isSame && before.result.kind !== 'fuel' && !before.isSpent) return before
    this.#loaded = undefined
    try {
      const { result, fuelUsed } =
        isSame && before.result.kind === 'loaded'
          ? { result: await this.#again(before.result.session, memoryBytes), fuelUsed: before.fuelUsed }
          : await this.#anew(model, memoryBytes, fuel)
      if (result.kind !== 'host') this.#loaded = { memoryBytes, result, fuelUsed, isSpent: false }
      return { result, fuelUsed }
    } catch (cause) {
      return {
        result: { kind: 'host', message: `The ONNX engine did not start: ${String(cause)}` },
        fuelUsed: 0,
      }
    }
  }

  async #anew(model: OnnxModel, memoryBytes: number, fuel: number): Promise<Metered<LoadResult>> {
    const engine = this.#spare ?? (await OrtEngine.start(this.#module))
    this.#spare = undefined
    engine.memoryBytesMax = memoryBytes
    return OnnxSession.load(engine, model, fuel)
  }

  async #again(spent: OnnxSession, memoryBytes: number): Promise<LoadResult> {
    const engine = await OrtEngine.startEmpty(this.#module)
    engine.memoryBytesMax = memoryBytes
    const session = spent.movedTo(engine)
    if (session !== undefined) return { kind: 'loaded', session }
    return { kind: 'host', message: 'The host has no memory left for the model' }
  }
}

function failure(
  failed: OrtFailure,
  kind: 'invalidProgram' | 'thrown',
  limits: Limits,
  fuelUsed: number,
): RunResult {
  switch (failed.kind) {
    case 'failed':
      return error(
        kind,
        kind === 'thrown' ? failed.message : `The model cannot be loaded: ${failed.message}`,
        fuelUsed,
      )
    case 'memory':
    case 'fuel':
      return error(failed.kind, limitMessage(failed.kind, limits), fuelUsed)
    case 'trap':
      return error('trap', failed.message, fuelUsed)
    case 'host':
      return { kind: 'none', reason: 'host', message: cut(failed.message, messageLengthMax) }
  }
}

function error(
  kind: Extract<RunResult, { kind: 'error' }>['error'],
  message: string,
  fuelUsed = 0,
): RunResult {
  return { kind: 'error', error: kind, message: cut(message, messageLengthMax), fuelUsed }
}
