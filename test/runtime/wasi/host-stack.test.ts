import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { assemble, wat } from './wat-program.ts'

/** What a worker in Chromium has, the smallest stack among the hosts. */
const stackKiB = 500
/** What Node keeps for itself of a worker's stack. */
const reservedKiB = 192
/** Enough for the optimising tier to take over, whose frames are of another size. */
const times = 100

const values = (count: number, made: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => made(i)).join(' ')

/** Programs that never stop to call themselves, and call the host as deep as they get. */
const deep: readonly (readonly [string, string])[] = [
  [
    'a call of the host on every level',
    wat(
      '(call $down)',
      '(func $down (drop (call $random_get (i32.const 64) (i32.const 1))) (call $down) (call $down))',
    ),
  ],
  [
    'through the table, with what is written',
    wat(
      '(call $down)',
      `(table 1 funcref) (elem (i32.const 0) $down)
       (func $down (call $log (i32.const 64) (i32.const 1)) (call_indirect (i32.const 0)) (call_indirect (i32.const 0)))`,
    ),
  ],
  [
    'a poll of many subscriptions',
    wat(
      '(call $down)',
      `(func $down (call $down_1)
         (drop (call $poll_oneoff (i32.const 64) (i32.const 4096) (i32.const 64) (i32.const 8))))
       (func $down_1 (drop (call $poll_oneoff (i32.const 64) (i32.const 4096) (i32.const 64) (i32.const 8))) (call $down))`,
    ),
  ],
  [
    'many values kept over the call',
    wat(
      '(drop (call $down (i64.const 1)))',
      `(func $down (param i64) (result i64)
         ${values(30, (i) => `(i64.mul (local.get 0) (i64.const ${i + 3}))`)}
         (drop (call $sched_yield )) (call $down (i64.add (local.get 0) (i64.const 1)))
         ${values(30, () => 'i64.add')})`,
    ),
  ],
]

test('SBX-02 the deepest guest, its calls of the host included, ends before the smallest stack of a host does', async () => {
  const modules = await Promise.all(deep.map(([, text]) => assemble(text)))
  const worker = new Worker(new URL('./deep-worker.ts', import.meta.url), {
    workerData: { modules, times },
    execArgv: ['--disable-warning=ExperimentalWarning'],
    resourceLimits: { stackSizeMb: (stackKiB + reservedKiB) / 1024 },
  })
  const ends: string[][] = []
  worker.on('message', (end: string[]) => ends.push(end))
  await once(worker, 'exit')
  const told = deep.map(([name], i) => [name, ends[i]])
  expect(told).toEqual(deep.map(([name]) => [name, [expect.stringMatching(/^stack after \d+$/)]]))
})
