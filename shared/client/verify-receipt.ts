import type { CryptoPort } from '../host/crypto-port.ts'
import { fromHex, toHex } from '../kernel/bytes.ts'
import type { Hash, PeerId, TaskId } from '../kernel/ids.ts'
import { Refusal, refuse } from '../kernel/refusal.ts'
import type { JudgedAnswer } from '../task/coordinator-ports.ts'
import {
  admissionSigningBytes,
  commitmentHash,
  commitmentSigningBytes,
  outcomeHash,
  taskDigest,
  taskSigningBytes,
} from '../task/digest.ts'
import { parseReceipt, type Receipt, type ReceiptTask, type ReceiptVote } from '../task/receipt.ts'
import type { Outcome, VerificationPolicy } from '../task/task.ts'
import { faultOfPolicy } from '../task/verification-policy.ts'
import { agreement } from '../verification/compare.ts'
import { leafHash, rootOf, votesSigningBytes } from '../verification/vote-tree.ts'
import { counted, invalidReceipt, type ReceiptVerdict, verdictOn } from './receipt-verdict.ts'

export interface VerifyReceiptOptions {
  /** Only what checks: no key of one's own is needed. */
  readonly crypto: Pick<CryptoPort, 'verify' | 'sha256'>
  /** Keys the voters must be in; without it nothing is said of who they are. */
  readonly trusted?: ReadonlySet<PeerId> | undefined
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
    return invalidReceipt(wrong ?? 'malformed', trust)
  }
  return verdictOn(parsed.tasks, trust, options.crypto.sha256)
}

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
  json.replace(/("(?:[^"\\]|\\.){0,8192}")|[ \t\n\r]+/g, (_, text: string | undefined) => text ?? '')

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
    return (
      faultOfNumbers(item) ??
      this.#faultOfVoters(item.votes) ??
      this.#faultOfOutcome(item) ??
      (await this.#faultOfVotes(item.votes, digest)) ??
      this.#faultOfCommitment(item, digest)
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

  /** That every vote is for the outcome; or, where the policy looks closer than at bytes, agrees with every other vote. */
  #faultOfOutcome({ task, outcome, votes }: ReceiptTask): string | undefined {
    const { sha256 } = this.#options.crypto
    const { comparator } = task.verification
    const hash = outcomeHash(outcome, sha256)
    const other = votes.find((vote) => vote.outcomeHash !== hash)
    if (other !== undefined && (comparator === 'exact' || other.output === undefined)) {
      return `vote of ${other.peerId}: is for another outcome`
    }
    if (votes.every((vote) => vote.outcomeHash !== hash)) return 'nobody voted for its outcome'
    const answers: JudgedAnswer[] = []
    for (const { peerId, outcomeHash: votedFor, output } of votes) {
      if ((output === undefined) !== (other === undefined)) {
        return `vote of ${peerId}: ${output === undefined ? 'lacks the' : 'carries an'} output`
      }
      if (output === undefined) continue
      const bytes = fromHex(output)
      const voted: Outcome = { kind: 'ok', outputHash: toHex(sha256(bytes)) as Hash }
      if (outcomeHash(voted, sha256) !== votedFor) return `vote of ${peerId}: is not for the output beside it`
      answers.push({ outcomeHash: votedFor, outcome: voted, output: { kind: 'inline', bytes } })
    }
    return this.#faultOfCloseness(answers, task.verification)
  }

  #faultOfCloseness(answers: readonly JudgedAnswer[], policy: VerificationPolicy): string | undefined {
    const agree = agreement(answers, policy)
    const isApart = answers.some((_, a) => answers.some((__, b) => a < b && !agree(a, b)))
    return isApart ? `two of its votes do not agree under the comparator ${policy.comparator}` : undefined
  }

  async #faultOfVotes(votes: readonly ReceiptVote[], digest: Hash): Promise<string | undefined> {
    for (const vote of votes) {
      const fault = await this.#faultOfVote(vote, digest)
      if (fault !== undefined) return `vote of ${vote.peerId}: ${fault}`
    }
    return undefined
  }

  async #faultOfVote(vote: ReceiptVote, taskDigest: Hash): Promise<string | undefined> {
    const { sha256 } = this.#options.crypto
    const { networkId } = this.#receipt
    const { peerId, epoch, attempt, outcomeHash, at, batch, admission } = vote
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

  async #faultOfCommitment(item: ReceiptTask, digest: Hash): Promise<string | undefined> {
    const { commitment } = item
    if (commitment === null) return undefined
    const { sha256, verify } = this.#options.crypto
    const vote = item.votes.find(({ peerId }) => peerId === commitment.peerId)
    if (vote === undefined) return 'the commitment is of one who did not vote'
    if (commitmentHash(fromHex(commitment.salt), vote.outcomeHash, sha256) !== commitment.hash) {
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

/** As many votes are there as the policy asks for; fewer, but not none, where it has an error target. */
function faultOfNumbers({ task, votes }: ReceiptTask): string | undefined {
  const fault = faultOfPolicy(task.verification)
  if (fault !== undefined) return fault
  const { replicas, quorum, errorTarget } = task.verification
  if (votes.length === 0 || (votes.length < quorum && errorTarget === undefined)) {
    return `${counted(votes.length, 'vote')} where its policy asks for ${quorum}`
  }
  return votes.length > replicas ? `more votes than its ${replicas} replicas` : undefined
}

/** The same of a receipt as text or as its value. */
export async function checkReceipt(receipt: unknown, options: VerifyReceiptOptions): Promise<ReceiptVerdict> {
  const value = typeof receipt === 'string' ? readReceiptText(receipt) : receipt
  // A refusal is no receipt; its words are told as those of one that does not hold.
  const verdict = await verifyReceipt(value, options)
  return value instanceof Refusal ? { ...verdict, reason: value.message } : verdict
}
