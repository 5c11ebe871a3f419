import { outputBytesOf } from '../../shared/client/output-text.ts'
import { parseResultLine } from '../../shared/client/result-line.ts'
import { toHex } from '../../shared/kernel/bytes.ts'
import type { Receipt, ReceiptTask } from '../../shared/task/receipt.ts'
import { nodeSha256 } from '../keys/node-sha256.ts'
import { outputsOfPlainLine } from './plain-line.ts'

/** Ends that no quorum stands behind: no receipt speaks of them. */
const withoutQuorum = ['refused', 'cancelled', 'noQuorum', 'wallClock', 'host', 'timeout', 'failed']

/**
 * What is wrong with a file of results, as `submit` printed it with or without `--json`: each line is the outcome whose
 * hash the receipt has, and every task of the receipt has its line.
 */
export function wrongOutput(receipt: Receipt, bytes: Uint8Array, name: string): string | undefined {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return `${name} is not UTF-8 text`
  }
  const lines = (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
  const inJson = wrongJsonLines(receipt, lines)
  if (inJson === undefined || lines[0]?.startsWith('{"index":')) return named(name, inJson)
  return named(name, wrongPlainLines(receipt, lines))
}

const named = (name: string, wrong: string | undefined): string | undefined =>
  wrong === undefined ? undefined : `${name}, ${wrong}`

function wrongJsonLines({ tasks }: Receipt, lines: readonly string[]): string | undefined {
  const left = new Map(tasks.map((task) => [task.task.taskId as string, task]))
  for (const [at, line] of lines.entries()) {
    let result: ReturnType<typeof parseResultLine>
    try {
      result = parseResultLine(line)
    } catch {
      return `line ${at + 1}: not a line of submit --json`
    }
    const task = left.get(result.taskId)
    const isUnknown =
      task === undefined && !(result.status === 'failed' && withoutQuorum.includes(result.error.kind))
    if (isUnknown)
      return `line ${at + 1}: the receipt has no task ${result.taskId}, or its line was there before`
    if (task === undefined) continue
    left.delete(result.taskId)
    if (result.index !== task.task.index) return `line ${at + 1}: another index than in the receipt`
    const isSame =
      result.status === 'failed' ? isError(task, result.error.kind) : isOutput(task, outputsOf(result))
    if (!isSame) return `line ${at + 1}: another outcome than in the receipt`
  }
  return missing([...left.values()])
}

/** Lines stand in the order of the items; what failed says so. */
function wrongPlainLines({ tasks }: Receipt, lines: readonly string[]): string | undefined {
  const left = new Map(tasks.map((task) => [task.task.index, task]))
  if (left.size < tasks.length)
    return 'which are plain lines, cannot be told apart for a receipt of several jobs'
  for (const [at, line] of lines.entries()) {
    const failed = /^failed: (\w+): /.exec(line)?.[1]
    const task = left.get(at)
    left.delete(at)
    if (task === undefined) {
      if (failed !== undefined && withoutQuorum.includes(failed)) continue
      return `line ${at + 1}: the receipt has no item ${at}`
    }
    const isSame = isOutput(task, outputsOfPlainLine(line)) || (failed !== undefined && isError(task, failed))
    if (!isSame) return `line ${at + 1}: another outcome than in the receipt`
  }
  return missing([...left.values()])
}

const outputsOf = (
  result: Exclude<ReturnType<typeof parseResultLine>, { readonly status: 'failed' }>,
): readonly Uint8Array[] => ('outputBlob' in result ? [] : outputBytesOf(result))

const isOutput = ({ outcome }: ReceiptTask, candidates: readonly Uint8Array[]): boolean =>
  outcome.kind === 'ok' && candidates.some((bytes) => toHex(nodeSha256(bytes)) === outcome.outputHash)

const isError = ({ outcome }: ReceiptTask, kind: string): boolean =>
  outcome.kind === 'error' && outcome.error === kind

function missing([first]: readonly ReceiptTask[]): string | undefined {
  return first === undefined ? undefined : `item ${first.task.index} (task ${first.task.taskId}) is not in it`
}
