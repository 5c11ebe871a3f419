import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const built = join(import.meta.dirname, '../../dist/programs')
const modules = new Map<string, WebAssembly.Module>()

export interface ProgramEnd {
  readonly exitCode: number
  readonly output: string
  readonly message: string
}

/** Runs a built program, `word_count` or `probes/json_echo`, on bytes or on a value as JSON. */
export function runProgram(name: string, input: unknown): ProgramEnd {
  const bytes = input instanceof Uint8Array ? input : new TextEncoder().encode(JSON.stringify(input))
  let module = modules.get(name)
  if (module === undefined) {
    module = new WebAssembly.Module(readFileSync(join(built, `${name}.wasm`)))
    modules.set(name, module)
  }
  return runModule(module, bytes)
}

/** What a built program answers to a value; throws with its message when it ends otherwise. */
export function answerOf(name: string, input: unknown): unknown {
  const { exitCode, output, message } = runProgram(name, input)
  if (exitCode !== 0) throw new Error(message)
  return JSON.parse(output)
}

class Exit extends Error {
  readonly code: number
  constructor(code: number) {
    super(`exit ${code}`)
    this.code = code
  }
}

function runModule(module: WebAssembly.Module, input: Uint8Array): ProgramEnd {
  let memory: WebAssembly.Memory
  let at = 0
  const written: [Uint8Array[], Uint8Array[]] = [[], []]
  const wasi = {
    fd_read(_fd: number, iovecs: number, _count: number, got: number): number {
      const view = new DataView(memory.buffer)
      const part = input.subarray(at, at + Math.min(view.getUint32(iovecs + 4, true), 100_000))
      new Uint8Array(memory.buffer).set(part, view.getUint32(iovecs, true))
      view.setUint32(got, part.length, true)
      at += part.length
      return 0
    },
    fd_write(fd: 1 | 2, iovecs: number, _count: number, put: number): number {
      const view = new DataView(memory.buffer)
      const start = view.getUint32(iovecs, true)
      const length = view.getUint32(iovecs + 4, true)
      written[fd === 1 ? 0 : 1].push(new Uint8Array(memory.buffer.slice(start, start + length)))
      view.setUint32(put, length, true)
      return 0
    },
    proc_exit(code: number): never {
      throw new Exit(code)
    },
  }
  const { exports } = new WebAssembly.Instance(module, { wasi_snapshot_preview1: wasi })
  memory = exports['memory'] as WebAssembly.Memory
  let exitCode = 0
  try {
    ;(exports['_start'] as () => void)()
  } catch (error) {
    if (!(error instanceof Exit)) throw error
    exitCode = error.code
  }
  const [output, message] = written.map((parts) => Buffer.concat(parts).toString('utf8'))
  return { exitCode, output: output!, message: message!.trimEnd() }
}
