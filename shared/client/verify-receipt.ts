import type { CryptoPort } from '../host/crypto-port.ts'
import { fromHex } from '../kernel/bytes.ts'
import type { Hash, PeerId, TaskId } from '../kernel/ids.ts'
import { Refusal, refuse } from '../kernel/refusal.ts'
import {
  admissionSigningBytes,
  commitmentHash,
  commitmentSigningBytes,
  outcomeHash,
  taskDigest,
  taskSigningBytes,
} from '../task/digest.ts'
import { parseReceipt, type Receipt, type ReceiptTask, type ReceiptVote } from '../task/receipt.ts'
import { leafHash, rootOf, votesSigningBytes } from '../verification/vote-tree.ts'

export interface VerifyReceiptOptions {
  /** Only what checks: no key of one's own is needed. */
  readonly crypto: Pick<CryptoPort, 'verify' | 'sha256'>
  /** Keys the voters must be in; without it nothing is said of who they are. */
  readonly trusted?: ReadonlySet<PeerId> | undefined
}

/** What a receipt is worth. Counts are 0 when it is not valid. */
export interface ReceiptVerdict {
  readonly valid: boolean
  /** What is wrong, and with which task; only when it is not valid. */
  readonly reason?: string
  readonly tasks: number
  /** Distinct keys that voted. */
  readonly workers: number
  /** Distinct operators as their relays stated them; those of whom nothing is known count together as one. */
  readonly operators: number
  /** `none given`, or what the voters were held against. */
  readonly trust: string
}

/** Tasks under way at one time: enough to keep the platform's signature checks busy. */
const tasksAtOnce = 32

/**
 * Checks every signature and hash of a receipt, with nothing but the receipt at hand. Never rejects.
 *
 * It proves that these keys signed this outcome for this task of this submitter. It does not prove that the keys are
 * different people, nor who they are.
 */
export async function verifyReceipt(
  receipt: unknown,
  options: VerifyReceiptOptions,
): Promise<ReceiptVerdict> {
  const { trusted } = options
  const trust = trusted === undefined ? 'none given' : `list of ${counted(trusted.size, 'key')}`
  const parsed = parseReceipt(receipt)
  const wrong =
    parsed instanceof Refusal ? parsed.message : await new Verification(parsed, options).firstFault()
  if (parsed instanceof Refusal || wrong !== undefined) {
    return { valid: false, reason: wrong ?? 'malformed', tasks: 0, workers: 0, operators: 0, trust }
  }
  const votes = parsed.tasks.flatMap((task) => task.votes)
  return {
    valid: true,
    tasks: parsed.tasks.length,
    workers: new Set(votes.map((vote) => vote.peerId)).size,
    operators: new Set(votes.map((vote) => vote.admission?.operator ?? null)).size,
    trust,
  }
}

/** One line for people, as FORMATS gives it. */
export function describeVerdict(verdict: ReceiptVerdict): string {
  if (!verdict.valid) return `invalid: ${verdict.reason}`
  const { tasks, workers, operators, trust } = verdict
  const counts = [counted(tasks, 'task'), counted(workers, 'worker'), counted(operators, 'operator')]
  return `valid: ${counts.join(', ')}, trust: ${trust}`
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/**
 * The value of a receipt's text. White space between tokens is free, everything else has one way to be written: a field
 * given twice, an escaped letter or `1e3` for `1000` would be read differently by different programs.
 */
export function readReceiptText(text: string): unknown | Refusal {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return refuse('NotJson', 'not a JSON text')
  }
  const isPlain = JSON.stringify(value) === text || JSON.stringify(value) === withoutWhiteSpace(text)
  return isPlain ? value : refuse('AmbiguousJson', 'fields given twice, or values written in an unusual way')
}

/** No text of a receipt is longer than what is matched here; the bound keeps the pattern from running out of stack. */
const withoutWhiteSpace = (json: string): string =>
  json.replace(/("(?:[^"\\]|\\.){0,1000}")|[ \t\n\r]+/g, (_, text: string | undefined) => text ?? '')

class Verification {
  readonly #receipt: Receipt
  readonly #options: VerifyReceiptOptions
  /** One batch signature and one admission stand in many votes. */
  readonly #checked = new Map<string, Promise<boolean>>()

  constructor(receipt: Receipt, options: VerifyReceiptOptions) {
    this.#receipt = receipt
    this.#options = options
  }

  async firstFault(): Promise<string | undefined> {
    const { tasks } = this.#receipt
    if (tasks.length === 0) return 'holds no task'
    const seen = new Set<TaskId>()
    for (const { task } of tasks) {
      if (seen.has(task.taskId)) return `task ${task.taskId} stands in it twice`
      seen.add(task.taskId)
    }
    for (let start = 0; start < tasks.length; start += tasksAtOnce) {
      const faults = await Promise.all(
        tasks.slice(start, start + tasksAtOnce).map((task) => this.#faultOf(task)),
      )
      const at = faults.findIndex((fault) => fault !== undefined)
      if (at >= 0) return `task ${tasks[start + at]!.task.taskId}: ${faults[at]}`
    }
    return undefined
  }

  async #faultOf(item: ReceiptTask): Promise<string | undefined> {
    const { sha256, verify } = this.#options.crypto
    const { networkId } = this.#receipt
    const digest = taskDigest(item.task, sha256)
    const signed = taskSigningBytes(networkId, digest)
    if (!(await verify(item.task.submitter, signed, fromHex(item.submitterSignature)))) {
      return 'the signature of its submitter is wrong'
    }
    const outcome = outcomeHash(item.outcome, sha256)
    return (
      faultOfPolicy(item) ??
      this.#faultOfVoters(item.votes) ??
      (await this.#faultOfVotes(item.votes, digest, outcome)) ??
      this.#faultOfCommitment(item, digest, outcome)
    )
  }

  #faultOfVoters(votes: readonly ReceiptVote[]): string | undefined {
    const { trusted } = this.#options
    const voters = new Set<PeerId>()
    const attempts = new Set<string>()
    for (const { peerId, epoch, attempt } of votes) {
      if (voters.has(peerId)) return `${peerId} votes twice`
      if (attempts.has(`${epoch}/${attempt}`)) return `attempt ${attempt} is voted on twice`
      if (trusted !== undefined && !trusted.has(peerId))
        return `${peerId} voted and is not in the list of trusted keys`
      voters.add(peerId)
      attempts.add(`${epoch}/${attempt}`)
    }
    return undefined
  }

  async #faultOfVotes(
    votes: readonly ReceiptVote[],
    digest: Hash,
    outcome: Hash,
  ): Promise<string | undefined> {
    for (const vote of votes) {
      const fault = await this.#faultOfVote(vote, digest, outcome)
      if (fault !== undefined) return `vote of ${vote.peerId}: ${fault}`
    }
    return undefined
  }

  async #faultOfVote(vote: ReceiptVote, taskDigest: Hash, outcome: Hash): Promise<string | undefined> {
    const { sha256 } = this.#options.crypto
    const { networkId } = this.#receipt
    const { peerId, epoch, attempt, outcomeHash, at, batch, admission } = vote
    if (outcomeHash !== outcome) return 'is for another outcome'
    const leaf = leafHash({ taskDigest, epoch, attempt, outcomeHash, at }, sha256)
    if (rootOf(leaf, batch.index, batch.size, batch.path, sha256) !== batch.root) {
      return 'is not under the root of its batch'
    }
    const votesSigned = votesSigningBytes(networkId, batch.root)
    if (!(await this.#verifyOnce(peerId, votesSigned, batch.signature))) return 'the signature is wrong'
    if (admission === null) return undefined
    const { operator, subnetTag, relay } = admission
    const admissionSigned = admissionSigningBytes(networkId, peerId, operator, subnetTag, relay)
    if (!(await this.#verifyOnce(relay, admissionSigned, admission.signature))) {
      return 'the signature of its admission is wrong'
    }
    return undefined
  }

  async #faultOfCommitment(item: ReceiptTask, digest: Hash, outcome: Hash): Promise<string | undefined> {
    const { commitment } = item
    if (commitment === null) return undefined
    const { sha256, verify } = this.#options.crypto
    if (!item.votes.some((vote) => vote.peerId === commitment.peerId)) {
      return 'the commitment is of one who did not vote'
    }
    if (commitmentHash(fromHex(commitment.salt), outcome, sha256) !== commitment.hash) {
      return 'the commitment does not open to the outcome'
    }
    const signed = commitmentSigningBytes(this.#receipt.networkId, digest, commitment.hash)
    if (await verify(commitment.peerId, signed, fromHex(commitment.signature))) return undefined
    return 'the signature of the commitment is wrong'
  }

  #verifyOnce(peer: PeerId, signed: Uint8Array, signature: string): Promise<boolean> {
    const { sha256, verify } = this.#options.crypto
    const name = `${peer}/${signature}/${String.fromCharCode(...sha256(signed))}`
    let checked = this.#checked.get(name)
    if (checked === undefined) {
      checked = verify(peer, signed, fromHex(signature))
      this.#checked.set(name, checked)
    }
    return checked
  }
}

/** A quorum is over half of the replicas and at least two, and that many votes are there. */
function faultOfPolicy({ task, votes }: ReceiptTask): string | undefined {
  const { replicas, quorum } = task.verification
  if (quorum < 2 || quorum > replicas || 2 * quorum <= replicas) {
    return `${quorum} of ${replicas} is no quorum`
  }
  if (votes.length < quorum) return `${counted(votes.length, 'vote')} where its policy asks for ${quorum}`
  return votes.length > replicas ? `more votes than its ${replicas} replicas` : undefined
}
