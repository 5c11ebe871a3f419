import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileWasi, runWasi, type WasiProgram } from '../../shared/runtime/wasi/wasi-runtime.ts'
import { defaultLimits } from '../../shared/task/task.ts'

const built = join(import.meta.dirname, '../../dist/programs')
const seed = '00'.repeat(32)
const programs = new Map<string, WasiProgram>()
for (const file of globSync(['*.wasm', 'probes/*.wasm', 'bench/*.wasm'], { cwd: built })) {
  const program = await compileWasi(readFileSync(join(built, file)))
  if ('kind' in program) throw new Error(`${file}: ${program.message}`)
  programs.set(file.replace(/\.wasm$/, ''), program)
}

export interface ProgramEnd {
  readonly exitCode: number
  readonly output: string
  readonly message: string
}

/** Runs a built program, `word_count` or `probes/json_echo`, on bytes or on a value as JSON, as a worker would. */
export function runProgram(name: string, input: unknown): ProgramEnd {
  const program = programs.get(name)
  if (program === undefined) throw new Error(`there is no program ${name}`)
  const bytes = input instanceof Uint8Array ? input : new TextEncoder().encode(JSON.stringify(input))
  const result = runWasi(program, { input: bytes, seed, limits: { ...defaultLimits, outputBytes: 2 ** 26 } })
  if (result.kind === 'ok')
    return { exitCode: 0, output: new TextDecoder().decode(result.output), message: '' }
  const [, exitCode, message] =
    /^The program ended with exit code (\d+)\. Its log ends with: (.*)$/s.exec(result.message) ?? []
  if (exitCode === undefined || message === undefined) throw new Error(`${name}: ${result.message}`)
  return { exitCode: Number(exitCode), output: '', message }
}

/** What a built program answers to a value; throws with its message when it ends otherwise. */
export function answerOf(name: string, input: unknown): unknown {
  const { exitCode, output, message } = runProgram(name, input)
  if (exitCode !== 0) throw new Error(message)
  return JSON.parse(output)
}
