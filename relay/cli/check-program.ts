import { fork } from 'node:child_process'
import type { MapKind } from '../../shared/client/map-input.ts'
import { inputBytes } from '../../shared/client/map-input.ts'
import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import { type ProgramKind, programKind } from '../../shared/runtime/program-kind.ts'
import type { ProgramRun, RunResult } from '../../shared/runtime/program-runner.ts'
import { defaultLimits } from '../../shared/task/task.ts'
import { nodeSha256 } from '../keys/node-sha256.ts'
import type { CheckedRun, CheckedRuns } from './check-program-run.ts'
import { readItems, readProgram } from './inputs.ts'
import type { Io } from './io.ts'
import { type LimitOptions, limitsOf } from './limit-options.ts'
import { oneLine } from './one-line.ts'

export interface CheckProgramOptions extends LimitOptions {
  /** Without it the program runs once, on `null`. */
  readonly input?: string
  readonly map?: MapKind
  readonly json?: boolean
}

/**
 * Two processes that differ in what may make a program's answers differ: the compiler of WebAssembly, what the engine
 * did before, the time zone and the language. V8 only: no other engine runs here.
 */
const conditions = [
  { flags: ['--liftoff-only'], warm: false, env: { TZ: 'UTC', LANG: 'C' } },
  // Compiled as it is called: all of the engine's JavaScript ahead would take seconds.
  { flags: ['--no-liftoff'], warm: true, env: { TZ: 'Asia/Kathmandu', LANG: 'tr_TR' } },
] as const

/** Items that are run; a check is a sample. */
const itemsMax = 100

/** What was seen of one item. */
interface Checked {
  readonly index: number
  readonly result: RunResult
  readonly isSame: boolean
  readonly milliseconds: readonly number[]
}

/**
 * Runs a program twice in different conditions and says what it costs. Resolves to the exit code: 0, or 1 when the two
 * runs differ, or an item ends with an error or no result. Rejects with a UsageError when a file cannot be read.
 */
export async function checkProgram(name: string, options: CheckProgramOptions, io: Io): Promise<0 | 1> {
  const [program, items] = await Promise.all([
    readProgram(name),
    options.input === undefined ? [null] : readItems(options.input, options.map),
  ])
  const programHash = toHex(nodeSha256(program)) as Hash
  const seed = '00'.repeat(32)
  const limits = limitsOf(options)
  const runs = items.slice(0, itemsMax).map((item): ProgramRun => {
    return { programHash, program, input: inputBytes(item), seed, limits }
  })
  const [first, second] = await Promise.all(conditions.map((condition) => runIn(condition, runs)))
  const checked = first!.map(({ result, milliseconds }, index): Checked => {
    const other = second![index]!
    const isSame = comparable(result) === comparable(other.result)
    return { index, result, isSame, milliseconds: [milliseconds, other.milliseconds] }
  })
  const isDeterministic = checked.every(({ isSame }) => isSame)
  const kind = programKind(program)
  if (options.json) {
    const lines = checked.map(jsonOf)
    const about = { kind, sizeBytes: program.length, hash: programHash }
    await io.out(`${JSON.stringify({ program: about, items: lines, deterministic: isDeterministic })}\n`)
  } else {
    await io.out(report(kind, program.length, programHash, checked, items.length))
  }
  return isDeterministic && checked.every(({ result }) => result.kind === 'ok') ? 0 : 1
}

function runIn(
  condition: (typeof conditions)[number],
  runs: readonly ProgramRun[],
): Promise<readonly CheckedRun[]> {
  return new Promise((resolve, reject) => {
    const child = fork(new URL('./check-program-run.ts', import.meta.url), {
      execArgv: [...condition.flags, '--disable-warning=ExperimentalWarning'],
      env: condition.env,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    child.on('error', reject)
    child.on('message', (answer) => {
      const results = answer as CheckedRuns
      if ('failure' in results) reject(new Error(results.failure))
      else resolve(results)
    })
    child.on('exit', (code) => reject(new Error(`The process that ran the program ended with code ${code}`)))
    child.send({ runs, warm: condition.warm })
  })
}

/** What the quorum would compare, and the fuel. */
function comparable(result: RunResult): string {
  if (result.kind === 'ok') return `ok ${toHex(nodeSha256(result.output))} ${result.fuelUsed}`
  return result.kind === 'error' ? `error ${result.error} ${result.fuelUsed}` : `none ${result.reason}`
}

function jsonOf({ index, result, isSame, milliseconds }: Checked) {
  const common = { index, same: isSame, milliseconds: milliseconds.map((each) => Number(each.toFixed(1))) }
  switch (result.kind) {
    case 'ok': {
      const outputHash = toHex(nodeSha256(result.output))
      const { length: outputBytes } = result.output
      return { ...common, outcome: { kind: 'ok', outputHash }, outputBytes, fuel: result.fuelUsed }
    }
    case 'error': {
      const { error, message, fuelUsed: fuel } = result
      return { ...common, outcome: { kind: 'error', error }, message, fuel }
    }
    case 'none':
      return { ...common, outcome: { kind: 'none', reason: result.reason }, message: result.message }
  }
}

function report(
  kind: ProgramKind,
  sizeBytes: number,
  hash: string,
  checked: readonly Checked[],
  count: number,
): string {
  const differing = checked.filter(({ isSame }) => !isSame).length
  const failed = checked.filter(({ result }) => result.kind !== 'ok').length
  const verdict =
    differing > 0
      ? `NOT DETERMINISTIC: ${differing} of ${checked.length} items gave two different answers`
      : `deterministic: each of ${checked.length} items gave the same answer for the same fuel twice`
  const sample = count > checked.length ? [`the first ${checked.length} of ${count} items were run`] : []
  const failures = failed > 0 ? [`${failed} of ${checked.length} items did not end with an output`] : []
  return [
    `${kind} program, ${numeral(sizeBytes)} bytes, SHA-256 ${hash}`,
    ...checked.map(lineOf),
    ...sample,
    ...failures,
    verdict,
    '',
  ].join('\n')
}

function lineOf({ index, result, isSame, milliseconds }: Checked): string {
  const times = milliseconds.map((each) => `${each.toFixed(1)} ms`).join(' and ')
  const end = isSame ? times : `${times}, and another answer the second time`
  if (result.kind === 'none') return `item ${index}: no result: ${oneLine(result.message)}; ${end}`
  const share = ((100 * result.fuelUsed) / defaultLimits.fuel).toPrecision(2)
  const fuel = `fuel ${numeral(result.fuelUsed)} (${Number(share)} % of the default limit)`
  if (result.kind === 'error')
    return `item ${index}: ${result.error}: ${oneLine(result.message)}; ${fuel}; ${end}`
  return `item ${index}: ok, ${numeral(result.output.length)} bytes out; ${fuel}; ${end}`
}

const numeral = (value: number): string => value.toLocaleString('en')
