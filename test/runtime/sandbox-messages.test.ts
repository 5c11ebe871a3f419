import { describe, expect, test } from 'vitest'
import type { ProgramRun, RunResult } from '../../shared/runtime/program-runner.ts'
import { parseReply, RunConversation, type RunRequest } from '../../shared/runtime/sandbox-messages.ts'
import { defaultLimits } from '../../shared/task/task.ts'
import { runOf } from '../support/program-run.ts'

const ok = { kind: 'ok', output: Uint8Array.of(49), fuelUsed: 5 }
const error = { kind: 'error', error: 'thrown', message: 'x', fuelUsed: 5 }
const replies = (results: unknown, id: unknown = 1): unknown => ({ kind: 'results', id, results })
const reply = (result: unknown, id: unknown = 1): unknown => replies([result], id)

describe('replies from a sandbox', () => {
  test.each([
    ['ready', { kind: 'ready' }],
    ['an output', reply(ok)],
    ['an error', reply(error)],
    ['an error with its stack', reply({ ...error, stack: 'at f' })],
    ['no result', reply({ kind: 'none', reason: 'host', message: 'x' })],
    ['two results', replies([ok, error])],
  ])('takes %s', (_name, data) => {
    expect(parseReply(data, 10, 2)).toEqual(data)
  })

  test('keeps only the fields it knows', () => {
    expect(parseReply({ ...(reply({ ...ok, extra: 1 }) as object), more: 2 }, 10, 1)).toEqual(reply(ok))
  })

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['text', 'ready'],
    ['a list', [ok]],
    ['another kind', { kind: 'readier' }],
    ['no id', { kind: 'results', results: [ok] }],
    ['results that are no list', replies({ 0: ok, length: 1 })],
    ['no result in the list', replies([])],
    ['more results than there are runs', replies([ok, ok, ok])],
    ['one result among others that is none', replies([ok, undefined])],
    ['a list with holes', replies(new Array(1))],
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
    expect(parseReply(data, 10, 2)).toBeUndefined()
  })
})

describe('a conversation', () => {
  const run = runOf('')

  /** What comes of these runs, and the ids of their requests. */
  function talk(conversation: RunConversation, ...runs: readonly ProgramRun[]) {
    const came: RunResult[][] = []
    const sent: RunRequest[] = []
    conversation.run(
      runs,
      (results) => came.push([...results]),
      (request) => sent.push(request),
    )
    return { came, request: sent[0]! }
  }

  test('takes the reply to the request in progress and no other', () => {
    const conversation = new RunConversation()
    const { came, request } = talk(conversation, run)
    conversation.receive(reply({ ...ok, fuelUsed: 1 }, request.id - 1))
    conversation.receive(reply({ ...ok, fuelUsed: 2 }, request.id + 1))
    conversation.receive('flood')
    conversation.receive(reply({ ...ok, fuelUsed: 3 }, request.id))
    conversation.receive(reply({ ...ok, fuelUsed: 4 }, request.id))
    expect(came).toEqual([[{ ...ok, fuelUsed: 3 }]])
  })

  test('takes the results of several runs as they come, and none besides', () => {
    const conversation = new RunConversation()
    const { came, request } = talk(conversation, run, run, run)
    conversation.receive(replies([error], request.id))
    conversation.receive(replies([ok, ok, ok], request.id))
    conversation.receive(replies([ok, error], request.id))
    conversation.receive(replies([ok], request.id))
    expect(came).toEqual([[error], [ok, error]])
  })

  test('drops a reply before any run', async () => {
    const conversation = new RunConversation()
    conversation.receive(reply(ok))
    conversation.receive({ kind: 'ready' })
    await conversation.ready
    const { came, request } = talk(conversation, run)
    conversation.receive(reply(ok, request.id))
    expect(came).toEqual([[ok]])
  })

  test('holds the output to the limit of its run', () => {
    const conversation = new RunConversation()
    const { came } = talk(conversation, { ...run, limits: { ...defaultLimits, outputBytes: 1 } })
    conversation.receive(reply({ ...ok, output: new Uint8Array(2) }))
    conversation.receive(reply(ok))
    expect(came).toEqual([[ok]])
  })

  test('sends the bytes of the inputs and nothing that lies beside them', () => {
    const whole = Uint8Array.from([1, 2, 3, 4, 5, 6])
    const inputs = [whole.subarray(1, 3), whole.subarray(3, 3), whole.subarray(4, 5)]
    const { request } = talk(new RunConversation(), ...inputs.map((input) => ({ ...run, input })))
    expect(request).toMatchObject({ inputs: Uint8Array.of(2, 3, 5), inputEnds: [2, 2, 3] })
    expect(request.inputs.buffer.byteLength).toBe(3)
    expect(whole).toEqual(Uint8Array.from([1, 2, 3, 4, 5, 6]))
  })
})
