import { describe, expect, test } from 'vitest'
import { parseReply, RunConversation } from '../../shared/runtime/sandbox-messages.ts'
import { defaultLimits } from '../../shared/task/task.ts'
import { runOf } from '../support/program-run.ts'

const ok = { kind: 'ok', output: Uint8Array.of(49), fuelUsed: 5 }
const error = { kind: 'error', error: 'thrown', message: 'x', fuelUsed: 5 }
const reply = (result: unknown, id: unknown = 1): unknown => ({ kind: 'result', id, result })

describe('replies from a sandbox', () => {
  test.each([
    ['ready', { kind: 'ready' }],
    ['an output', reply(ok)],
    ['an error', reply(error)],
    ['an error with its stack', reply({ ...error, stack: 'at f' })],
    ['no result', reply({ kind: 'none', reason: 'host', message: 'x' })],
  ])('takes %s', (_name, data) => {
    expect(parseReply(data, 10)).toEqual(data)
  })

  test('keeps only the fields it knows', () => {
    expect(parseReply({ ...(reply({ ...ok, extra: 1 }) as object), more: 2 }, 10)).toEqual(reply(ok))
  })

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['text', 'ready'],
    ['a list', [ok]],
    ['another kind', { kind: 'readier' }],
    ['no id', { kind: 'result', result: ok }],
    ['an id that is no number', reply(ok, '1')],
    ['an id that is not whole', reply(ok, 1.5)],
    ['no result at all', reply(undefined)],
    ['a result of another kind', reply({ ...ok, kind: 'fine' })],
    ['an output that is text', reply({ ...ok, output: '1' })],
    ['an output that is a list', reply({ ...ok, output: [49] })],
    ['an output over the limit', reply({ ...ok, output: new Uint8Array(11) })],
    ['no fuel', reply({ kind: 'ok', output: ok.output })],
    ['fuel below zero', reply({ ...ok, fuelUsed: -1 })],
    ['fuel that is no number', reply({ ...ok, fuelUsed: Number.NaN })],
    ['fuel without end', reply({ ...error, fuelUsed: Number.POSITIVE_INFINITY })],
    ['an error of no known kind', reply({ ...error, error: 'bored' })],
    ['an error named like an inherited property', reply({ ...error, error: 'constructor' })],
    ['a message that is no text', reply({ ...error, message: {} })],
    ['a message that is too long', reply({ ...error, message: 'x'.repeat(1_001) })],
    ['a stack that is too long', reply({ ...error, stack: 'x'.repeat(4_001) })],
    ['a verdict that is the host’s to give', reply({ kind: 'none', reason: 'wallClock', message: 'x' })],
    ['a cancellation that is the host’s to give', reply({ kind: 'none', reason: 'cancelled', message: 'x' })],
  ])('drops %s', (_name, data) => {
    expect(parseReply(data, 10)).toBeUndefined()
  })
})

describe('a conversation', () => {
  const run = runOf('')

  test('takes the reply to the run in progress and no other', async () => {
    const conversation = new RunConversation()
    const sent: number[] = []
    const result = conversation.run(run, ({ id }) => sent.push(id))
    conversation.receive(reply({ ...ok, fuelUsed: 1 }, sent[0]! - 1))
    conversation.receive(reply({ ...ok, fuelUsed: 2 }, sent[0]! + 1))
    conversation.receive('flood')
    conversation.receive(reply({ ...ok, fuelUsed: 3 }, sent[0]))
    conversation.receive(reply({ ...ok, fuelUsed: 4 }, sent[0]))
    expect(await result).toEqual({ ...ok, fuelUsed: 3 })
  })

  test('drops a reply before any run', async () => {
    const conversation = new RunConversation()
    conversation.receive(reply(ok))
    conversation.receive({ kind: 'ready' })
    await conversation.ready
    const sent: number[] = []
    const result = conversation.run(run, ({ id }) => sent.push(id))
    conversation.receive(reply(ok, sent[0]))
    expect(await result).toEqual(ok)
  })

  test('holds the output to the limit of its run', async () => {
    const conversation = new RunConversation()
    const limits = { ...defaultLimits, outputBytes: 1 }
    const result = conversation.run({ ...run, limits }, () => {})
    conversation.receive(reply({ ...ok, output: new Uint8Array(2) }))
    conversation.receive(reply(ok))
    expect(await result).toEqual(ok)
  })
})
