import { describe, expect, test } from 'vitest'
import { concatBytes } from '../../shared/kernel/bytes.ts'
import { encodeCanonical } from '../../shared/kernel/codec.ts'
import { InboundRig } from '../support/host-parts.ts'
import { answerTo, assignmentOf, makeTask } from '../support/task-fixtures.ts'

const waiting = (missingWorkers: number) => ({ type: 'task/waiting', missingWorkers }) as const

describe('SEC-08 hostile bundles', () => {
  const item = (message: unknown): Uint8Array => encodeCanonical(message)
  const good = item(waiting(1))
  test.each([
    ['no items', { items: [] }],
    ['none at all', {}],
    ['a field too many', { items: [good, good], more: 1 }],
    ['messages that are not bytes', { items: [waiting(1), waiting(2)] }],
    ['bytes that are no CBOR', { items: [good, Uint8Array.of(0xff)] }],
    ['CBOR with something behind it', { items: [good, concatBytes(good, Uint8Array.of(0))] }],
    ['a message of no type', { items: [good, item({ missingWorkers: 1 })] }],
    ['a bundle within it', { items: [good, item({ type: 'bundle', items: [good, good] })] }],
    ['a message that is none of ours', { items: [good, item({ type: 'task/none' })] }],
    ['257 items', { items: new Array(257).fill(good) }],
    [
      'more than 60 KiB',
      { items: new Array(3).fill(item({ type: 'task/waiting', filler: 'x'.repeat(30_000) })) },
    ],
  ])('%s: none of it is taken, and what follows is still heard', async (_name, payload) => {
    const rig = await InboundRig.create()
    await rig.receive(await rig.message({ type: 'bundle' }, { payload }))
    await rig.receive(await rig.message(waiting(3)))
    await rig.settled()
    expect(rig.rejected('malformed')).toBe(1)
    expect(rig.delivered.map(({ message }) => message)).toEqual([waiting(3)])
  })

  test('one wrong signature within it keeps all of it out', async () => {
    const rig = await InboundRig.create()
    const message = { type: 'task/answers', items: [answerTo(assignmentOf(makeTask(1), 1), 'x')] } as const
    const forged = item({ ...message, signature: new Uint8Array(64) })
    await rig.receive(await rig.message({ type: 'bundle' }, { payload: { items: [good, forged] } }))
    await rig.settled()
    expect(rig.rejected('invalid_signature')).toBe(1)
    expect(rig.delivered).toEqual([])
  })
})
