import { expect, test } from 'vitest'
import { areaOf } from './areas.ts'
import { selfTimes } from './profile.ts'

const frame = (functionName: string, url: string) => ({
  functionName,
  url,
  scriptId: '1',
  lineNumber: 0,
  columnNumber: 0,
})
const codec = 'file:///anywhere/shared/kernel/codec.ts'

test('the time until the next sample is that of the function seen, and idle time is none', () => {
  const profile = {
    nodes: [
      { id: 1, callFrame: frame('(root)', ''), children: [2, 3] },
      { id: 2, callFrame: frame('encodeCanonical', codec) },
      { id: 3, callFrame: frame('(idle)', '') },
    ],
    startTime: 0,
    endTime: 10_000,
    samples: [2, 3, 2, 3],
    timeDeltas: [0, 1_000, 5_000, 2_000],
  }
  const times = [...selfTimes(profile)].map(({ area, ms }) => [area, ms])
  expect(times).toEqual([['cbor', 3]])
})

test('native code is counted to whoever called it', () => {
  const profile = {
    nodes: [
      { id: 1, callFrame: frame('(root)', ''), children: [2] },
      {
        id: 2,
        callFrame: frame('#commit', 'file:///anywhere/relay/storage/sqlite-worker.ts'),
        children: [3],
      },
      { id: 3, callFrame: frame('exec', '') },
    ],
    startTime: 0,
    endTime: 2_000,
    samples: [3, 2],
    timeDeltas: [0, 2_000],
  }
  const [only, ...rest] = selfTimes(profile)
  expect(rest).toEqual([])
  expect(only).toMatchObject({ area: 'sqlite', ms: 2, caller: { callFrame: { functionName: '#commit' } } })
})

test.each([
  [codec, 'cbor'],
  ['file:///x/node_modules/cborg/lib/encode.js', 'cbor'],
  ['node:internal/crypto/sig', 'crypto'],
  ['file:///x/shared/host/webcrypto.ts', 'crypto'],
  ['file:///x/node_modules/@libp2p/noise/dist/src/index.js', 'sockets'],
  ['node:internal/stream_base_commons', 'sockets'],
  ['file:///x/node_modules/fastify/lib/reply.js', 'http'],
  ['file:///x/shared/client/map-run.ts', 'http'],
  ['file:///x/shared/task/coordinator.ts', 'machine'],
  ['file:///x/shared/host/run.ts', 'host'],
  ['file:///x/shared/runtime/serve-runs.ts', 'sandbox'],
  ['node:events', 'node'],
  ['file:///x/node_modules/other/index.js', 'other'],
])('%s is of %s', (url, area) => {
  expect(areaOf(url, 'f')).toBe(area)
})

test('the collector and native code without a caller have areas of their own', () => {
  expect(['(garbage collector)', '(program)', '(idle)'].map((name) => areaOf('', name))).toEqual([
    'gc',
    'native',
    undefined,
  ])
})
