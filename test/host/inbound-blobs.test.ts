import { describe, expect, test } from 'vitest'
import { newSubmission } from '../../shared/client/new-submission.ts'
import { chunkFrame, frameKinds, hashFrame } from '../../shared/host/blob-frames.ts'
import type { CryptoPort } from '../../shared/host/crypto-port.ts'
import { toHex } from '../../shared/kernel/bytes.ts'
import { encodeCanonical } from '../../shared/kernel/codec.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import { sha256 } from '../relay/http/test-keys.ts'
import { frameOf, InboundRig, testNetworkId } from '../support/host-parts.ts'

const program = Buffer.from('export default (n) => n')
const waiting = (missingWorkers: number) => ({ type: 'task/waiting', missingWorkers }) as const
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2))

/** Inputs over 4 KiB, which travel as blobs; the program is there already. */
async function submit(rig: InboundRig, from: CryptoPort, fills: readonly number[]) {
  const programHash = await rig.blobs.put(new Uint8Array(program))
  const plan = {
    networkId: testNetworkId,
    programHash,
    programSizeBytes: program.length,
    taskType: 'javascript',
    jobId: null,
  }
  const inputs = fills.map((fill) => new Uint8Array(5_000).fill(fill))
  const items = await Promise.all(
    inputs.map((input, at) => newSubmission(plan, at, input, from, new Date(rig.now))),
  )
  return { message: { type: 'task/submit', items } as const, inputs }
}

const wants = (rig: InboundRig): Hash[] =>
  rig.sent.flatMap(({ frame }) =>
    frame[0] === frameKinds.want ? [toHex(frame.subarray(1, 33)) as Hash] : [],
  )

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}

const hashOf = (bytes: Uint8Array): Hash => toHex(sha256(bytes)) as Hash
const blobFrame = (bytes: Uint8Array): Uint8Array => chunkFrame(hashOf(bytes), 0, bytes.length, bytes)

describe('STO-07 messages that name blobs', () => {
  test('reach their machine when all their blobs are here', async () => {
    const rig = await InboundRig.create()
    const { message, inputs } = await submit(rig, rig.other, [1, 2])
    await rig.receive(await rig.message(message))
    await until(() => wants(rig).length === 2)
    await rig.receive(blobFrame(inputs[1]!))
    await rig.settled()
    expect(rig.delivered).toEqual([])
    await rig.receive(blobFrame(inputs[0]!))
    await until(() => rig.delivered.length > 0)
    expect(rig.types()).toEqual(['task/submit'])
  })

  test('hold up nothing that came in the same envelope', async () => {
    const rig = await InboundRig.create()
    const { message, inputs } = await submit(rig, rig.other, [1])
    const payload = { items: [message, waiting(1)].map(encodeCanonical) }
    await rig.receive(await rig.message({ type: 'bundle' }, { payload }))
    await until(() => rig.delivered.length > 0)
    expect(rig.types()).toEqual(['task/waiting'])
    await until(() => wants(rig).length === 1)
    await rig.receive(blobFrame(inputs[0]!))
    await until(() => rig.delivered.length > 1)
    expect(rig.types()).toEqual(['task/waiting', 'task/submit'])
  })

  test('are refused when their sender does not serve one, and what follows is heard', async () => {
    const rig = await InboundRig.create()
    const { message, inputs } = await submit(rig, rig.other, [1, 2])
    await rig.receive(await rig.message(message))
    await until(() => wants(rig).length === 2)
    await rig.receive(blobFrame(inputs[0]!))
    await rig.receive(hashFrame('missing', hashOf(inputs[1]!)))
    await until(() => rig.rejected('blob_missing') === 1)
    await rig.receive(await rig.message(waiting(1)))
    await rig.settled()
    expect(rig.types()).toEqual(['task/waiting'])
  })

  test('do not hold up the heartbeats behind them', async () => {
    const rig = await InboundRig.create()
    const { message } = await submit(rig, rig.other, [1])
    await rig.receive(await rig.message(message))
    await until(() => wants(rig).length === 1)
    await rig.receive(await rig.message(waiting(1)))
    await until(() => rig.delivered.length > 0)
    expect(rig.types()).toEqual(['task/waiting'])
  })

  test('do not pass one another, and a cancellation does not pass its submission', async () => {
    const rig = await InboundRig.create()
    const first = await submit(rig, rig.other, [1])
    const second = await submit(rig, rig.other, [2])
    await rig.receive(await rig.message(first.message))
    await rig.receive(await rig.message(second.message))
    const taskIds = [first.message.items[0]!.task.taskId]
    await rig.receive(await rig.message({ type: 'task/cancel', taskIds }))
    await until(() => wants(rig).length === 1)
    await rig.receive(blobFrame(first.inputs[0]!))
    await until(() => wants(rig).length === 2)
    await rig.receive(blobFrame(second.inputs[0]!))
    await until(() => rig.delivered.length === 3)
    expect(rig.types()).toEqual(['task/submit', 'task/submit', 'task/cancel'])
  })

  test('are let go when their peer goes', async () => {
    const rig = await InboundRig.create()
    const { message } = await submit(rig, rig.other, [1])
    await rig.receive(await rig.message(message))
    await rig.receive(await rig.message(message))
    await until(() => wants(rig).length === 1)
    rig.inbound.peerDown(rig.other.self)
    await until(() => rig.rejected('blob_missing') === 1)
    await turn()
    expect(rig.delivered).toEqual([])
    expect(wants(rig).length).toBe(1)
  })

  test('at most 256 of them wait, and never keep the blobs they wait for from being read', async () => {
    const rig = await InboundRig.create()
    const { message, inputs } = await submit(rig, rig.other, [1])
    for (let n = 0; n < 300; n++) await rig.receive(await rig.message(message))
    await until(() => rig.rejected('overload') === 44)
    await rig.receive(blobFrame(inputs[0]!))
    await until(() => rig.delivered.length === 256)
  })

  test('one peer that serves nothing holds up no other', async () => {
    const rig = await InboundRig.create(2)
    const [silent, other] = rig.others as [CryptoPort, CryptoPort]
    const { message } = await submit(rig, silent, [1])
    await rig.receive(await frameOf(silent, rig.me.self, message, { time: rig.now }), silent)
    await rig.receive(await frameOf(other, rig.me.self, waiting(1), { time: rig.now }), other)
    await until(() => rig.delivered.length > 0)
    expect(rig.delivered).toEqual([{ from: other.self, message: waiting(1) }])
  })
})
