import { inputBytes, type MapKind } from '../../shared/client/map-input.ts'
import { describeVerdict, invalidReceipt, type ReceiptVerdict } from '../../shared/client/receipt-verdict.ts'
import { readReceiptText, verifyReceipt } from '../../shared/client/verify-receipt.ts'
import { createVerify } from '../../shared/host/create-crypto-port.ts'
import { isPeerId } from '../../shared/host/peer-id.ts'
import { fromHex, toHex } from '../../shared/kernel/bytes.ts'
import type { Hash, PeerId } from '../../shared/kernel/ids.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import type { JudgedAnswer } from '../../shared/task/coordinator-ports.ts'
import { outcomeHash } from '../../shared/task/digest.ts'
import type { Receipt, ReceiptTask } from '../../shared/task/receipt.ts'
import type { Outcome } from '../../shared/task/task.ts'
import { agrees } from '../../shared/verification/compare.ts'
import { nodeEngine } from '../keys/node-engine.ts'
import { nodeSha256 } from '../keys/node-sha256.ts'
import { readNamedFile } from './files.ts'
import { readItems, readProgram } from './inputs.ts'
import type { Io } from './io.ts'
import { wrongOutput } from './output-check.ts'
import { UsageError } from './usage-error.ts'

export interface VerifyOptions {
  readonly json?: boolean
  readonly output?: string
  readonly trust?: string
  readonly program?: string
  readonly input?: string
  readonly map?: MapKind
  readonly rerun?: number
}

/**
 * Checks a receipt offline and prints the verdict. Resolves to the exit code: 0 valid, 1 not. Rejects with a UsageError
 * when a file cannot be read.
 */
export async function verify(path: string, options: VerifyOptions, io: Io): Promise<0 | 1> {
  const verdict = await judge(path, options)
  await io.out(`${options.json ? JSON.stringify(verdict) : describeVerdict(verdict)}\n`)
  return verdict.valid ? 0 : 1
}

async function judge(path: string, options: VerifyOptions): Promise<ReceiptVerdict> {
  const trusted = options.trust === undefined ? undefined : await readKeys(options.trust)
  const text = await readText(path)
  if (text instanceof Refusal) return invalidReceipt(text.message)
  const value = readReceiptText(text)
  if (value instanceof Refusal) return invalidReceipt(`${path}: ${value.message}`)
  const crypto = { verify: createVerify(nodeEngine), sha256: nodeSha256 }
  const verdict = await verifyReceipt(value, { crypto, trusted })
  if (!verdict.valid) return verdict
  const receipt = value as Receipt
  const wrong =
    (options.output === undefined
      ? undefined
      : wrongOutput(receipt, await readNamedFile(options.output, 'results file'), options.output)) ??
    (options.rerun === undefined ? undefined : await wrongRerun(receipt, options))
  return wrong === undefined ? verdict : invalidReceipt(wrong)
}

async function readText(path: string): Promise<string | Refusal> {
  const bytes = await readNamedFile(path, 'receipt')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new Refusal('Unreadable', `${path}: not UTF-8 text`)
  }
}

async function readKeys(path: string): Promise<ReadonlySet<PeerId>> {
  let keys: unknown
  try {
    keys = JSON.parse(Buffer.from(await readNamedFile(path, 'list of keys')).toString())
  } catch (error) {
    if (error instanceof UsageError) throw error
  }
  if (Array.isArray(keys) && keys.every((key) => typeof key === 'string' && isPeerId(key)))
    return new Set(keys)
  throw new UsageError(`The list of keys ${path} is not a JSON array of peer ids`)
}

const hashOf = (bytes: Uint8Array): string => toHex(nodeSha256(bytes))

/** Runs some random items again, here, and compares the outcomes. */
async function wrongRerun(receipt: Receipt, options: VerifyOptions): Promise<string | undefined> {
  if (options.program === undefined || options.input === undefined) {
    throw new UsageError('--rerun needs --program and --input')
  }
  const [program, items] = await Promise.all([
    readProgram(options.program),
    readItems(options.input, options.map),
  ])
  const programHash = hashOf(program) as Hash
  const { createProgramPool } = await import('../agent/program-pool.ts')
  const pool = await createProgramPool({ slots: 1 })
  try {
    for (const task of sample(receipt.tasks, options.rerun!)) {
      const { index } = task.task
      if (task.task.programHash !== programHash)
        return `task ${index} ran another program than ${options.program}`
      const item = items[index]
      const input = item === undefined ? undefined : inputBytes(item)
      if (input === undefined || hashOf(input) !== task.task.inputHash)
        return `task ${index} had another input`
      const wrong = differs(task, await rerun(pool, task, programHash, program, input))
      if (wrong !== undefined) return `run again here, task ${index} ${wrong}`
    }
    return undefined
  } finally {
    await pool.close()
  }
}

type Pool = Awaited<ReturnType<typeof import('../agent/program-pool.ts').createProgramPool>>

const rerun = (
  pool: Pool,
  { task }: ReceiptTask,
  programHash: Hash,
  program: Uint8Array,
  input: Uint8Array,
) =>
  pool.run(
    { programHash, program, input, seed: task.seed, limits: task.limits },
    new AbortController().signal,
  )

function differs(
  { task, outcome, votes }: ReceiptTask,
  result: Awaited<ReturnType<typeof rerun>>,
): string | undefined {
  if (result.kind === 'none') return `could not be run (${result.message})`
  if (result.kind === 'error') {
    return outcome.kind === 'error' && outcome.error === result.error ? undefined : 'has another outcome'
  }
  const hash = outcomeHash(outcome, nodeSha256)
  const bytes = votes.find((vote) => vote.outcomeHash === hash)?.output
  const before: JudgedAnswer = {
    ...{ outcome, outcomeHash: hash },
    output: bytes === undefined ? null : { kind: 'inline', bytes: fromHex(bytes) },
  }
  const now: Outcome = { kind: 'ok', outputHash: hashOf(result.output) as Hash }
  const again: JudgedAnswer = {
    ...{ outcome: now, outcomeHash: outcomeHash(now, nodeSha256) },
    output: { kind: 'inline', bytes: result.output },
  }
  if (agrees(again, before, task.verification)) return undefined
  const { comparator } = task.verification
  return outcome.kind === 'ok' && comparator !== 'exact' && bytes === undefined
    ? `has other bytes, and the receipt lacks the first ones to compare them under ${comparator}`
    : 'has another outcome'
}

function sample<T>(all: readonly T[], count: number): T[] {
  const rest = [...all]
  const picked: T[] = []
  while (picked.length < count && rest.length > 0) {
    picked.push(...rest.splice(Math.floor(Math.random() * rest.length), 1))
  }
  return picked
}
