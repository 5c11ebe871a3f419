import { describe, expect, test } from 'vitest'
import { verifyReceipt } from '../../../shared/client/verify-receipt.ts'
import type { FinishedTask } from '../../../shared/task/messages.ts'
import { receiptFormat } from '../../../shared/task/receipt.ts'
import { GuestFault } from '../../relay/http/loopback-relay.ts'
import { MemoryBlobs } from '../../relay/http/memory-blobs.ts'
import { checker } from '../../relay/http/test-keys.ts'
import { javascript, program, readAll, settle, startJobs } from './job-rig.ts'

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)
const twice = (_: string, item: unknown): unknown => ({ twice: Number(item) * 2 })

describe('TSK-13 a job of a tab', () => {
  test('TSK-13 gives every result once, in input order, each with a receipt that holds', async () => {
    const { jobs, relay } = await startJobs({ program: twice })
    const job = jobs.map(program, numbers(150), javascript)
    const results = await readAll(job)
    expect(results.map(({ index }) => index)).toEqual(numbers(150))
    expect(results.map((result) => result.status === 'completed' && result.output)).toEqual(
      numbers(150).map((item) => ({ twice: item * 2 })),
    )
    const tasks = results.map(({ receipt }) => receipt!)
    const receipt = { format: receiptFormat, networkId: relay.networkId, tasks }
    expect(await verifyReceipt(receipt, { crypto: checker })).toMatchObject({ valid: true, tasks: 150 })
    expect(job.progress).toMatchObject({
      items: 150,
      accepted: 150,
      completed: 150,
      failed: 0,
      verified: 150,
    })
    expect(job.progress.executions).toBeGreaterThanOrEqual(300)
  })

  test('TSK-13 takes inputs and gives outputs over 4 KiB', async () => {
    const { jobs } = await startJobs({ program: (_, item) => `${item}!` })
    const [result] = await readAll(jobs.map(program, ['x'.repeat(100_000)], javascript))
    expect(result).toMatchObject({ status: 'completed', output: `${'x'.repeat(100_000)}!` })
  })

  test('TSK-13 stays within its window however slow its reader is', async () => {
    const { jobs, relay } = await startJobs({ program: twice })
    const job = jobs.map(program, numbers(1_200), javascript)
    await settle()
    const handedIn = () => relay.submitted.reduce((sum, batch) => sum + batch.length, 0)
    expect(handedIn()).toBeLessThanOrEqual(1_024)
    expect(await readAll(job)).toHaveLength(1_200)
    expect(handedIn()).toBe(1_200)
  })

  test('TSK-13 shares the window with the other jobs of the tab', async () => {
    const { jobs, relay } = await startJobs({ program: twice })
    relay.hold()
    const both = [jobs.map(program, numbers(600), javascript), jobs.map(program, numbers(600), javascript)]
    await settle()
    expect(jobs.open).toBeLessThanOrEqual(1_024)
    relay.release()
    expect((await Promise.all(both.map(readAll))).map(({ length }) => length)).toEqual([600, 600])
  })

  test('TSK-08 an error of the program ends its item failed, with kind, message and receipt', async () => {
    const { jobs } = await startJobs({
      program: (_, item) => {
        if (item === 1) throw new GuestFault('fuel', 'out of fuel')
        return item
      },
    })
    const results = await readAll(jobs.map(program, numbers(3), javascript))
    expect(results.map(({ status }) => status)).toEqual(['completed', 'failed', 'completed'])
    expect(results[1]).toMatchObject({ error: { kind: 'fuel', message: 'out of fuel' } })
    expect(results[1]?.receipt).not.toBeNull()
  })

  test('TSK-12 ends its iteration when it is cancelled, and tells the coordinator', async () => {
    const { jobs, relay, commands } = await startJobs({ program: twice })
    relay.hold()
    const stop = new AbortController()
    const job = jobs.map(program, numbers(10), { ...javascript, signal: stop.signal })
    const reading = readAll(job)
    await expect.poll(() => commands.length, { timeout: 10_000 }).toBeGreaterThan(0)
    stop.abort()
    expect(await reading).toEqual([])
    expect(job.progress).toMatchObject({ isCancelled: true, completed: 0 })
    const cancels = commands.filter(({ type }) => type === 'submitter/cancel')
    expect(cancels).toMatchObject([{ taskIds: { length: 10 } }])
  })

  test('TSK-12 a reader that leaves early cancels what is left', async () => {
    const { jobs } = await startJobs({ program: twice })
    const job = jobs.map(program, numbers(10), javascript)
    for await (const result of job) if (result.index === 2) break
    expect(job.progress.isCancelled).toBe(true)
  })
})

describe('TSK-11 what a coordinator says is checked', () => {
  const lies: Readonly<Record<string, (finished: FinishedTask) => FinishedTask>> = {
    'votes too few': (finished) => ({ ...finished, votes: finished.votes.slice(1) }),
    'votes for another outcome': (finished) => ({
      ...finished,
      outcome: { kind: 'error', error: 'thrown' },
      output: null,
    }),
    'another task under the same id': (finished) => ({
      ...finished,
      task: { ...finished.task, seed: '00'.repeat(32) },
    }),
    'an output that nobody signed': (finished) => ({
      ...finished,
      output: { kind: 'inline', bytes: new TextEncoder().encode('"lie"') },
    }),
    'no output': (finished) => ({ ...finished, output: null }),
    'a blob that is not there': (finished) => ({
      ...finished,
      output: { kind: 'blob', hash: finished.task.programHash.replace(/./g, '0') as never, sizeBytes: 3 },
    }),
  }
  for (const [lie, change] of Object.entries(lies)) {
    test(`TSK-11 ${lie} makes the item fail unverified, without a receipt`, async () => {
      const { jobs } = await startJobs({ program: twice, change })
      const job = jobs.map(program, [1, 2], javascript)
      const results = await readAll(job)
      expect(results).toHaveLength(2)
      for (const result of results) {
        expect(result).toMatchObject({ status: 'failed', error: { kind: 'unverified' }, receipt: null })
      }
      expect(job.progress).toMatchObject({ completed: 0, failed: 2, verified: 0 })
    })
  }

  test('TSK-11 an end without a quorum fails with its reason and no receipt', async () => {
    const { jobs } = await startJobs({
      program: twice,
      change: (finished) => ({
        ...finished,
        status: 'timeout',
        outcome: null,
        error: { kind: 'wallClock', message: 'took over 90 s', stack: null },
      }),
    })
    expect(await readAll(jobs.map(program, [1], javascript))).toMatchObject([
      { status: 'failed', error: { kind: 'wallClock', message: 'took over 90 s' }, receipt: null },
    ])
  })

  test('TSK-14 an end that comes twice counts once', async () => {
    const { jobs, relay, finish } = await startJobs({ program: twice })
    relay.onFinished(finish)
    const job = jobs.map(program, numbers(5), javascript)
    expect(await readAll(job)).toHaveLength(5)
    expect(job.progress).toMatchObject({ completed: 5, failed: 0 })
  })

  test('TSK-14 the end of a task that this tab never submitted is not taken', async () => {
    const [ours, theirs] = [await startJobs({ program: twice }), await startJobs({ program: twice })]
    theirs.relay.onFinished(ours.finish)
    ours.relay.hold()
    const job = ours.jobs.map(program, [1], javascript)
    await readAll(theirs.jobs.map(program, [1], javascript))
    expect(job.progress).toMatchObject({ completed: 0, failed: 0 })
  })
})

describe('TSK-02 what cannot be submitted', () => {
  test('TSK-02 a program over 64 MB is refused with the exact words', async () => {
    const { jobs } = await startJobs()
    expect(() => jobs.map(new Uint8Array(2 ** 26 + 1), [1], javascript)).toThrow(
      'Task payload exceeds 64 MB limit',
    )
  })

  test('TSK-13 an input without items is refused', async () => {
    const { jobs } = await startJobs()
    expect(() => jobs.map(program, [], javascript)).toThrow('There is nothing to run on')
  })

  test('TSK-02 an item over 64 MB fails alone and is never handed in', async () => {
    const { jobs, relay } = await startJobs()
    const results = await readAll(jobs.map(program, ['a', 'x'.repeat(2 ** 26), 'b'], javascript))
    expect(results).toMatchObject([
      { index: 0, status: 'completed' },
      {
        index: 1,
        error: { kind: 'PayloadTooLarge', message: 'Task payload exceeds 64 MB limit' },
        receipt: null,
      },
      { index: 2, status: 'completed' },
    ])
    expect(relay.submitted.flat()).toHaveLength(2)
  })

  test('TSK-02 an item of a type that nobody knows fails with the coordinator’s words', async () => {
    const { jobs } = await startJobs()
    expect(await readAll(jobs.map(program, [1], { taskType: 'astrology' }))).toMatchObject([
      {
        status: 'failed',
        error: { kind: 'UnsupportedTaskType', message: 'Unsupported task type: astrology' },
      },
    ])
  })

  test('STO-07 a blob store that is full ends the job with its words', async () => {
    const { jobs } = await startJobs({
      blobs: new MemoryBlobs({ blobBytesMax: 10_000, totalBytesMax: 10_000 }),
    })
    const job = jobs.map(program, ['x'.repeat(20_000)], javascript)
    await expect(readAll(job)).rejects.toThrow('over the limit')
  })
})

test('TSK-12 says which workers are missing only while a task is under way', async () => {
  const { jobs, relay, commands } = await startJobs({ program: twice })
  relay.hold()
  const job = jobs.map(program, [1], javascript)
  await expect.poll(() => commands.length, { timeout: 10_000 }).toBeGreaterThan(0)
  jobs.handle({ type: 'workersMissing', missingWorkers: 2 })
  expect(job.progress.missingWorkers).toBe(2)
  relay.release()
  await readAll(job)
  expect(jobs.missingWorkers).toBe(0)
})
