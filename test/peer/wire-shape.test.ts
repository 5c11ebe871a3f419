import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeCanonical, encodeCanonical } from '../../shared/kernel/codec.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import { ownerOf } from '../../shared/peer/wire.ts'
import { parseMessage } from '../../shared/peer/wire-shape.ts'
import { wireSamples } from '../support/wire-samples.ts'

type Path = readonly (string | number)[]

/** Every place inside the value, its own included. */
function places(value: unknown, path: Path = []): Path[] {
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return [path]
  const inside = Object.entries(value).flatMap(([key, inner]) =>
    places(inner, [...path, Array.isArray(value) ? Number(key) : key]),
  )
  return [path, ...inside]
}

const at = (value: unknown, path: Path): unknown =>
  path.reduce((inner, key) => (inner as Record<string, unknown>)[key], value)

/** A copy of the message with the value at one place changed. */
function changed(message: unknown, path: Path, change: (holder: never, key: never) => void): unknown {
  const copy = { top: structuredClone(message) }
  const whole: Path = ['top', ...path]
  change(at(copy, whole.slice(0, -1)) as never, whole.at(-1) as never)
  return copy.top
}

const replaced = (message: unknown, path: Path, value: unknown): unknown =>
  changed(message, path, (holder: Record<string, unknown>, key: string) => {
    holder[key] = value
  })

const policyPath = ['items', 0, 'task', 'verification'] as const
const samples = Object.values(wireSamples)
const everywhere = samples.flatMap((message) => places(message).map((path) => ({ message, path })))
const isRecord = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)

describe('SEC-01 what a message may look like', () => {
  test('there is a sample of every kind of message, and each is taken as it came over the wire', () => {
    expect(Object.keys(wireSamples).sort()).toEqual(Object.keys(ownerOf).sort())
    for (const message of samples) {
      expect(parseMessage(decodeCanonical(encodeCanonical(message)))).toEqual(message)
    }
  })

  test('a field that nobody knows is refused, in every object of every message', () => {
    for (const { message, path } of everywhere) {
      if (!isRecord(at(message, path))) continue
      for (const name of ['extra', '__proto__', 'constructor', 'toString', '']) {
        const more = structuredClone(at(message, path)) as object
        Object.defineProperty(more, name, { value: 1, enumerable: true })
        const wrong = path.length === 0 ? more : replaced(message, path, more)
        expect(parseMessage(wrong), `${message.type} with ${path.join('.')}.${name}`).toBeInstanceOf(Refusal)
      }
    }
  })

  test('a missing field is refused, in every object of every message', () => {
    const optional = new Set(['code', 'message'])
    for (const { message, path } of everywhere) {
      const key = path.at(-1)
      if (typeof key !== 'string') continue
      if (message.type === 'task/submitReply' && optional.has(key)) continue
      const without = changed(message, path, (holder: Record<string, unknown>, name: string) => {
        delete holder[name]
      })
      expect(parseMessage(without), `${message.type} without ${path.join('.')}`).toBeInstanceOf(Refusal)
    }
  })

  test('a value of another kind is refused at every place', () => {
    const kinds = [undefined, true, -1, 0.5, Number.NaN, 2 ** 60, 'x', 'x'.repeat(100_000), [], [[]], {}]
    for (const { message, path } of everywhere) {
      const right = at(message, path)
      for (const wrong of [...kinds, new Uint8Array(100_000), null]) {
        if (isTakenAs(wrong, right, path)) continue
        const bad = replaced(message, path, wrong)
        const named = `${message.type} with ${String(typeof wrong)} at ${path.join('.')}`
        expect(parseMessage(bad), named).toBeInstanceOf(Refusal)
      }
    }
  })

  test('a list that is too long is refused, and its longest is taken', () => {
    const longest: Readonly<Record<string, number>> = {
      'mesh/neighbours.peers': 64,
      'task/offer.holding': 4_096,
      'task/finished.items.votes': 16,
      'task/finished.items.votes.batch.path': 16,
      'task/finished.items.transitions': 10_000,
    }
    for (const { message, path } of everywhere) {
      const list = at(message, path)
      const isTransition = path.at(-2) === 'transitions'
      if (!Array.isArray(list) || isTransition) continue
      const name = [message.type, ...path.filter((key) => typeof key === 'string')].join('.')
      const length = longest[name] ?? 256
      const fill = (count: number): unknown => new Array(count).fill(list[0])
      expect(parseMessage(replaced(message, path, fill(length))), name).not.toBeInstanceOf(Refusal)
      expect(parseMessage(replaced(message, path, fill(length + 1))), name).toBeInstanceOf(Refusal)
    }
  })

  test.each([
    ['capacity over 4,096', 'task/offer', ['capacity'], 4_097],
    ['attempt 0', 'task/settle', ['taken', 0, 'attempt'], 0],
    ['an attempt over a million', 'task/settle', ['taken', 0, 'attempt'], 1_000_001],
    ['epoch 0', 'task/settle', ['taken', 0, 'epoch'], 0],
    ['no replicas', 'task/submit', ['items', 0, 'task', 'verification', 'replicas'], 0],
    ['a day and a second', 'task/submit', ['items', 0, 'task', 'limits', 'maxDurationSeconds'], 86_401],
    ['no fuel', 'task/submit', ['items', 0, 'task', 'limits', 'fuel'], 0],
    ['memory over 2 GiB', 'task/assign', ['items', 0, 'task', 'limits', 'memoryBytes'], 2 ** 31 + 1],
    ['more inline bytes than 4 KiB', 'task/submit', ['items', 0, 'input', 'bytes'], new Uint8Array(4_097)],
    ['a signature of 63 bytes', 'task/submit', ['items', 0, 'signature'], new Uint8Array(63)],
    ['a hash in capitals', 'task/committed', ['items', 0, 'hash'], 'A'.repeat(64)],
    ['a hash with a line break', 'task/committed', ['items', 0, 'hash'], `${'a'.repeat(63)}\n`],
    [
      'a peer id of another key type',
      'task/committed',
      ['items', 0, 'peerId'],
      'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N',
    ],
    ['a task id in capitals', 'task/cancel', ['taskIds', 0], 'AAAAAAAA-1111-4111-8111-111111111111'],
    ['a day that is not', 'task/submit', ['items', 0, 'task', 'submittedAt'], '2026-13-01T00:00:00.000Z'],
    ['a time zone', 'task/submit', ['items', 0, 'task', 'submittedAt'], '2026-11-01T00:00:00.000+01'],
    ['status pending as an end', 'task/finished', ['items', 0, 'status'], 'pending'],
    ['a status nobody knows', 'task/finished', ['items', 0, 'transitions', 0, 0], 'lost'],
    ['an error nobody knows', 'task/answers', ['items', 1, 'outcome', 'error'], 'wallClock'],
    ['a priority nobody knows', 'task/submit', ['items', 0, 'priority'], 'urgent'],
    ['a comparator nobody knows', 'task/submit', [...policyPath, 'comparator'], 'fuzzy'],
    ['numbers to compare and no tolerance', 'task/assign', [...policyPath, 'comparator'], 'numeric'],
    ['a tolerance that goes with no comparator', 'task/finished', [...policyPath, 'tolerance'], 0.1],
    ['an error target of null', 'task/submit', [...policyPath, 'errorTarget'], null],
    ['an error target that anyone meets', 'task/submit', [...policyPath, 'errorTarget'], 0.5],
    [
      '4 KiB and a byte of a vote',
      'task/finished',
      ['items', 0, 'votes', 0, 'output'],
      new Uint8Array(4_097),
    ],
    [
      'a vote with the hash of its output',
      'task/finished',
      ['items', 0, 'votes', 0, 'output'],
      'e'.repeat(64),
    ],
  ] as const)('%s is refused', (_name, type, path, value) => {
    expect(parseMessage(replaced(wireSamples[type], path, value))).toBeInstanceOf(Refusal)
  })

  test.each([
    ['JSON values', { comparator: 'json' }],
    ['numbers', { comparator: 'numeric', tolerance: 1e-9 }],
    ['bytes, by fewer workers', { comparator: 'exact', errorTarget: 0.001 }],
  ])('TSK-09 a policy that compares %s is taken, and votes with their outputs', (_, fields) => {
    const policy = { replicas: 3, quorum: 2, ...fields }
    for (const type of ['task/submit', 'task/assign', 'task/finished'] as const) {
      expect(parseMessage(replaced(wireSamples[type], policyPath, policy))).not.toBeInstanceOf(Refusal)
    }
    const path = ['items', 0, 'votes', 0, 'output']
    const message = replaced(wireSamples['task/finished'], path, new Uint8Array(4_096))
    expect(parseMessage(message)).not.toBeInstanceOf(Refusal)
  })

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'task/offer'],
    ['a list', [wireSamples['task/cancel']]],
    ['bytes', new Uint8Array(8)],
    ['no type', {}],
    ['an unknown type', { type: 'task/steal' }],
    ['the type of a prototype', { type: 'constructor' }],
    ['another prototype name', { type: '__proto__' }],
    ['a type without end', { type: 'x'.repeat(1_000_000) }],
    ['a type that has no text', { type: { toString: 0, valueOf: 0 } }],
    ['a type of lists within lists', { type: nested(50_000) }],
    ['a type that is null', { type: null }],
  ])('%s is no message', (_name, value) => {
    const refused = parseMessage(value)
    expect(refused).toBeInstanceOf(Refusal)
    expect((refused as Refusal).message.length).toBeLessThan(100)
  })

  test('no value makes it throw, and what it takes is what the wire can carry', () => {
    const anything = fc.anything({ withNullPrototype: true, withSparseArray: true, withTypedArray: true })
    const withAType = fc
      .tuple(fc.constantFrom(...Object.keys(wireSamples)), fc.dictionary(fc.string(), anything))
      .map(([type, fields]) => ({ ...fields, type }))
    fc.assert(
      fc.property(fc.oneof(anything, withAType), (value) => {
        const message = parseMessage(value)
        if (!(message instanceof Refusal)) expect(decodeCanonical(encodeCanonical(message))).toEqual(message)
      }),
      { numRuns: 2_000 },
    )
  })
})

function nested(depth: number): unknown {
  let value: unknown = []
  for (let i = 0; i < depth; i++) value = [value]
  return value
}

/** Whether the value is right at that place too, or another right value. */
function isTakenAs(value: unknown, right: unknown, path: Path): boolean {
  const key = path.at(-1)
  const nullable = ['jobId', 'admission', 'commitment', 'outcome', 'output', 'error', 'stack', 'operator']
  if (value === null) return [...nullable, 'subnetTag', 'runningMs'].includes(String(key)) || right === null
  if (Array.isArray(value)) return Array.isArray(right) && value.length === 0
  if (value === true) return typeof right === 'boolean'
  if (value === 'x') return ['version', 'taskType', 'code', 'message', 'stack'].includes(String(key))
  // The time of a transition is any number of milliseconds.
  if (value === -1) return path.at(-3) === 'transitions'
  return false
}
