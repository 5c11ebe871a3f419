import { expect, test } from 'vitest'
import type { Instant, PeerId } from '../../shared/kernel/ids.ts'
import { Outbox } from '../../shared/kernel/machine.ts'

test('an outbox holds what was asked for in the order it was asked, and is empty once taken', () => {
  const out = new Outbox<string, string, string>()
  const to = 'someone' as PeerId
  out.save('a/1', { n: 1 })
  out.send(to, 'first')
  out.sendVolatile(to, 'beat')
  out.timer('t', 5 as Instant)
  out.event('happened')
  out.ask('run')
  out.publish('news', 'hello')
  out.timer('t', undefined)
  out.save('a/1', undefined)
  expect(out.length).toBe(9)
  expect(out.at(1)).toEqual({ kind: 'send', to, message: 'first', volatile: false })
  expect(out.take()).toEqual([
    { kind: 'save', key: 'a/1', value: { n: 1 } },
    { kind: 'send', to, message: 'first', volatile: false },
    { kind: 'send', to, message: 'beat', volatile: true },
    { kind: 'timer', key: 't', at: 5 },
    { kind: 'event', event: 'happened' },
    { kind: 'ask', ask: 'run' },
    { kind: 'publish', topic: 'news', message: 'hello' },
    { kind: 'timer', key: 't', at: undefined },
    { kind: 'save', key: 'a/1', value: undefined },
  ])
  expect(out.length).toBe(0)
  expect(out.take()).toEqual([])
})

test('effects that were taken are not touched by later ones', () => {
  const out = new Outbox<string, string, string>()
  out.event('one')
  const taken = out.take()
  out.event('two')
  expect(taken).toEqual([{ kind: 'event', event: 'one' }])
})
