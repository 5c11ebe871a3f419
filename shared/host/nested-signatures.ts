import { toHex } from '../kernel/bytes.ts'
import type { Hash, PeerId, TaskId } from '../kernel/ids.ts'
import type { WireMessage } from '../peer/wire.ts'
import { commitmentSigningBytes, taskDigest, taskSigningBytes } from '../task/digest.ts'
import type { Answer, Answers, Submission } from '../task/messages.ts'
import { leafHash, treeLevels, votesSigningBytes } from '../verification/vote-tree.ts'
import type { CryptoPort } from './crypto-port.ts'

const rootOfAnswers = (answers: readonly Answer[], crypto: CryptoPort): Hash => {
  const leaves = answers.map((answer) => leafHash(answer, crypto.sha256))
  return toHex(treeLevels(leaves, crypto.sha256).at(-1)![0]!) as Hash
}

/** Writes this node's signatures into the parts of a leaving message that carry some. */
export async function signParts(
  message: WireMessage,
  networkId: Hash,
  crypto: CryptoPort,
): Promise<WireMessage> {
  if (message.type !== 'task/answers') return message
  const root = rootOfAnswers(message.items, crypto)
  const [signature, items] = await Promise.all([
    crypto.sign(votesSigningBytes(networkId, root)),
    Promise.all(
      message.items.map(async (item) => {
        const { commitment } = item
        if (commitment === null) return item
        const bytes = commitmentSigningBytes(networkId, item.taskDigest, commitment.hash)
        return { ...item, commitment: { ...commitment, signature: await crypto.sign(bytes) } }
      }),
    ),
  ])
  return { ...message, items, signature }
}

/** Leaves out the commitments that no receipt will open: checking a signature costs more than all else about a small answer. */
export function withoutUnwanted(message: WireMessage, wanted: (taskId: TaskId) => boolean): WireMessage {
  if (message.type !== 'task/answers') return message
  const items = message.items.map((item) => (wanted(item.taskId) ? item : { ...item, commitment: null }))
  return { ...message, items }
}

/** Whether every signature inside an arrived message holds; what does not is said. */
export async function wrongPart(
  message: WireMessage,
  from: PeerId,
  networkId: Hash,
  crypto: CryptoPort,
): Promise<string | undefined> {
  switch (message.type) {
    case 'task/answers':
      return await wrongAnswer(message, from, networkId, crypto)
    case 'task/submit':
      return await wrongTask(message.items, networkId, crypto)
    case 'task/assign':
      return await wrongTask(message.items, networkId, crypto)
    default:
      return undefined
  }
}

/** Whether the submitter's signature over the task holds. */
export async function isSignedBySubmitter(
  item: Pick<Submission, 'task' | 'signature'>,
  networkId: Hash,
  crypto: CryptoPort,
): Promise<boolean> {
  const bytes = taskSigningBytes(networkId, taskDigest(item.task, crypto.sha256))
  return await crypto.verify(item.task.submitter, bytes, item.signature)
}

async function wrongTask(
  items: readonly Pick<Submission, 'task' | 'signature'>[],
  networkId: Hash,
  crypto: CryptoPort,
): Promise<string | undefined> {
  const valid = await Promise.all(items.map((item) => isSignedBySubmitter(item, networkId, crypto)))
  const at = valid.indexOf(false)
  return at < 0 ? undefined : `task ${items[at]!.task.taskId} is not signed by its submitter`
}

async function wrongAnswer(
  message: Answers,
  from: PeerId,
  networkId: Hash,
  crypto: CryptoPort,
): Promise<string | undefined> {
  if (message.items.length === 0) return 'answers without an item'
  const root = rootOfAnswers(message.items, crypto)
  const [batchHolds, ...commitmentsHold] = await Promise.all([
    crypto.verify(from, votesSigningBytes(networkId, root), message.signature),
    ...message.items.map(
      ({ taskDigest: digest, commitment }) =>
        commitment === null ||
        crypto.verify(from, commitmentSigningBytes(networkId, digest, commitment.hash), commitment.signature),
    ),
  ])
  if (!batchHolds) return 'the signature over the votes does not hold'
  const at = commitmentsHold.indexOf(false)
  return at < 0
    ? undefined
    : `the signature of the commitment for task ${message.items[at]!.taskId} does not hold`
}
