import { describe, expect, test, vi } from 'vitest'
import { AssignmentRunner } from '../../shared/host/assignment-runner.ts'
import { frameKinds } from '../../shared/host/blob-frames.ts'
import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import type { ProgramRun, ProgramRunner, TimedResult } from '../../shared/runtime/program-runner.ts'
import type { Assignment } from '../../shared/task/messages.ts'
import type { Payload } from '../../shared/task/payload.ts'
import type { Ran } from '../../shared/task/worker-ports.ts'
import { InboundRig, LogLines } from '../support/host-parts.ts'
import { peerA } from '../support/scripted-run.ts'
import { assignmentOf, makeTask } from '../support/task-fixtures.ts'

const program = new Uint8Array(Buffer.from('export default (n) => n'))
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function rigOf(run: ProgramRunner['run']) {
  const rig = await InboundRig.create()
  const logged = new LogLines()
  const ended: { readonly runId: number; readonly ran: Ran }[] = []
  let time = 1_793_000_000_000
  const runner = new AssignmentRunner({
    runner: { slots: 1, run, close: async () => undefined },
    blobs: rig.blobs,
    exchange: rig.exchange,
    crypto: rig.me,
    clock: () => {
      time += 5
      return time
    },
    log: logged.log,
    fetching: () => {},
    began: () => {},
    ran: (runId, ran) => ended.push({ runId, ran }),
  })
  return { rig, runner, ended, logged }
}

type Rig = Awaited<ReturnType<typeof rigOf>>

/** A task on these input bytes; the program is in the store unless said otherwise. */
async function assignmentFor({ rig }: Rig, input: Uint8Array, payload?: Payload): Promise<Assignment> {
  const programHash = await rig.blobs.put(program)
  const inputHash = toHex(rig.me.sha256(input)) as Hash
  const assignment = assignmentOf(makeTask(1), 1)
  return {
    ...assignment,
    task: { ...assignment.task, programHash, inputHash },
    input: payload ?? { kind: 'inline', bytes: input },
  }
}

const ok = (output: Uint8Array): TimedResult => ({ kind: 'ok', output, fuelUsed: 1, durationMs: 5.4 })
const echo = async ({ input }: ProgramRun): Promise<TimedResult> => ok(input)
const one = new Uint8Array(Buffer.from('1'))

describe('TSK-07 carrying out an assignment', () => {
  test('runs the program on the input and packs output, times and a salt', async () => {
    const parts = await rigOf(echo)
    parts.runner.start({ runId: 7, from: peerA, assignment: await assignmentFor(parts, one), isAhead: false })
    await expect.poll(() => parts.ended.length).toBe(1)
    const { runId, ran } = parts.ended[0]!
    expect(runId).toBe(7)
    expect(ran).toMatchObject({
      kind: 'outcome',
      outcome: { kind: 'ok', outputHash: toHex(parts.rig.me.sha256(one)) },
      output: { kind: 'inline', bytes: one },
      error: null,
      durationMs: 5,
    })
    expect(ran.kind === 'outcome' && ran.salt.length).toBe(32)
  })

  test('an output over 4 KiB goes to the store', async () => {
    const parts = await rigOf(async () => ok(new Uint8Array(4_097)))
    parts.runner.start({ runId: 1, from: peerA, assignment: await assignmentFor(parts, one), isAhead: false })
    await expect.poll(() => parts.ended.length).toBe(1)
    const { ran } = parts.ended[0]!
    const output = ran.kind === 'outcome' ? ran.output : null
    expect(output).toMatchObject({ kind: 'blob', sizeBytes: 4_097 })
    expect(await parts.rig.blobs.get(output?.kind === 'blob' ? output.hash : ('' as Hash))).toEqual(
      new Uint8Array(4_097),
    )
  })

  test('what is begun ahead of a slot does not wait long for one', async () => {
    const waits: (number | undefined)[] = []
    const parts = await rigOf(async (run, _signal, options) => {
      waits.push(options?.beginWithinMs)
      return await echo(run)
    })
    const assignment = await assignmentFor(parts, one)
    parts.runner.start({ runId: 1, from: peerA, assignment, isAhead: false })
    parts.runner.start({ runId: 2, from: peerA, assignment, isAhead: true })
    await expect.poll(() => waits).toEqual([undefined, 1_000])
  })

  test('an output that could not be handed over is handed back', async () => {
    const parts = await rigOf(async () => ok(new Uint8Array(64 * 1024 * 1024 + 1)))
    parts.runner.start({ runId: 1, from: peerA, assignment: await assignmentFor(parts, one), isAhead: false })
    await expect.poll(() => parts.ended.length).toBe(1)
    expect(parts.ended[0]!.ran).toEqual({ kind: 'none', reason: 'host' })
  })

  test('an error of the program is an outcome, its texts cut to what may travel', async () => {
    const stack = 's'.repeat(9_000)
    const parts = await rigOf(async () => ({
      kind: 'error',
      error: 'thrown',
      message: 'm'.repeat(5_000),
      stack,
      fuelUsed: 1,
      durationMs: 3,
    }))
    parts.runner.start({ runId: 1, from: peerA, assignment: await assignmentFor(parts, one), isAhead: false })
    await expect.poll(() => parts.ended.length).toBe(1)
    expect(parts.ended[0]!.ran).toMatchObject({
      outcome: { kind: 'error', error: 'thrown' },
      output: null,
      error: { message: 'm'.repeat(1_000), stack: 's'.repeat(4_000) },
    })
  })

  test.each([
    ['wallClock', 'wallClock'],
    ['host', 'host'],
    ['cancelled', 'host'],
    ['busy', 'paused'],
  ] as const)('a run that ended by %s has no outcome', async (reason, handedBack) => {
    const parts = await rigOf(async () => ({ kind: 'none', reason, message: '', durationMs: 0 }))
    parts.runner.start({ runId: 1, from: peerA, assignment: await assignmentFor(parts, one), isAhead: false })
    await expect.poll(() => parts.ended.length).toBe(1)
    expect(parts.ended[0]!.ran).toEqual({ kind: 'none', reason: handedBack })
  })
})

describe('TSK-07 what is not run', () => {
  test('an input that is not what the task says, be it inline or a blob', async () => {
    const run = vi.fn(echo)
    const parts = await rigOf(run)
    const other = await parts.rig.blobs.put(new Uint8Array(5_000))
    parts.runner.start({
      runId: 1,
      from: peerA,
      assignment: await assignmentFor(parts, one, { kind: 'inline', bytes: new Uint8Array(1) }),
      isAhead: false,
    })
    parts.runner.start({
      runId: 2,
      from: peerA,
      assignment: await assignmentFor(parts, one, { kind: 'blob', hash: other, sizeBytes: 1 }),
      isAhead: false,
    })
    await expect.poll(() => parts.ended.length).toBe(2)
    expect(parts.ended.map(({ ran }) => ran)).toEqual([
      { kind: 'none', reason: 'unverifiable' },
      { kind: 'none', reason: 'unverifiable' },
    ])
    expect(run).not.toHaveBeenCalled()
  })

  test('a program that the coordinator has not got', async () => {
    const run = vi.fn(echo)
    const parts = await rigOf(run)
    const assignment = await assignmentFor(parts, one)
    const programHash = 'e'.repeat(64) as Hash
    parts.runner.start({
      runId: 1,
      from: parts.rig.other.self,
      assignment: { ...assignment, task: { ...assignment.task, programHash } },
      isAhead: false,
    })
    await expect.poll(() => parts.rig.sent.length).toBe(1)
    parts.rig.exchange.frame(parts.rig.other.self, frameKinds.missing, new Uint8Array(32).fill(0xee))
    await expect.poll(() => parts.ended.length).toBe(1)
    expect(parts.ended[0]!.ran).toEqual({ kind: 'none', reason: 'host' })
    expect(run).not.toHaveBeenCalled()
  })

  test('a sandbox or a store that breaks down is the fault of this host, and is logged', async () => {
    const parts = await rigOf(async () => {
      throw new Error('no thread')
    })
    parts.runner.start({ runId: 1, from: peerA, assignment: await assignmentFor(parts, one), isAhead: false })
    await expect.poll(() => parts.ended.length).toBe(1)
    const full = await rigOf(async () => ok(new Uint8Array(5_000)))
    const assignment = await assignmentFor(full, one)
    vi.spyOn(full.rig.blobs, 'put').mockRejectedValue(new Error('disk full'))
    full.runner.start({ runId: 1, from: peerA, assignment: assignment, isAhead: false })
    await expect.poll(() => full.ended.length).toBe(1)
    for (const { ended, logged } of [parts, full]) {
      expect(ended[0]!.ran).toEqual({ kind: 'none', reason: 'host' })
      expect(logged.messages).toEqual(['A run broke down in its host'])
    }
  })
})

describe('TSK-12 a run that is stopped', () => {
  test('is told so by its signal and reports nothing more', async () => {
    const signals: AbortSignal[] = []
    let end = (_: TimedResult): void => undefined
    const parts = await rigOf(
      (_run, signal) =>
        new Promise((resolve) => {
          signals.push(signal)
          end = resolve
        }),
    )
    parts.runner.start({ runId: 1, from: peerA, assignment: await assignmentFor(parts, one), isAhead: false })
    await expect.poll(() => signals.length).toBe(1)
    parts.runner.stop(1)
    expect(signals[0]!.aborted).toBe(true)
    end(ok(one))
    await turn()
    expect(parts.ended).toEqual([])
    parts.runner.stop(1)
    parts.runner.stop(99)
  })

  test('so are all of them when the node stops, whether they run or still fetch', async () => {
    const signals: AbortSignal[] = []
    const parts = await rigOf((_run, signal) => {
      signals.push(signal)
      return new Promise(() => undefined)
    })
    parts.runner.start({ runId: 1, from: peerA, assignment: await assignmentFor(parts, one), isAhead: false })
    parts.runner.start({ runId: 2, from: peerA, assignment: await assignmentFor(parts, one), isAhead: false })
    await expect.poll(() => signals.length).toBe(2)
    parts.runner.stopAll()
    expect(signals.every(({ aborted }) => aborted)).toBe(true)
  })
})
