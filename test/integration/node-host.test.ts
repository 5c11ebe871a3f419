import { afterAll, beforeAll, expect, test } from 'vitest'
import { createProgramPool } from '../../relay/agent/program-pool.ts'
import { newSubmission } from '../../shared/client/new-submission.ts'
import type { FinishedTask, Submission } from '../../shared/task/messages.ts'
import type { Limits } from '../../shared/task/task.ts'
import { testNetworkId } from '../support/host-parts.ts'
import { NodeRig, type RigNode, until } from '../support/node-rig.ts'

let rig: NodeRig
let relay: RigNode
const agents: RigNode[] = []

beforeAll(async () => {
  rig = await NodeRig.create()
  relay = await rig.relay()
  for (const name of ['agent-1', 'agent-2', 'agent-3']) {
    agents.push(await rig.agent(name, relay, await createProgramPool({ slots: 1 })))
  }
})
afterAll(async () => {
  await rig.close()
})

async function submissions(
  source: string,
  inputs: readonly unknown[],
  limits: Partial<Limits> = {},
): Promise<Submission[]> {
  const { crypto } = await rig.identity('client')
  const program = Buffer.from(source)
  const plan = {
    networkId: testNetworkId,
    programHash: await relay.blobs.put(new Uint8Array(program)),
    programSizeBytes: program.length,
    taskType: 'javascript',
    jobId: null,
    limits,
  }
  return await Promise.all(
    inputs.map(async (input, index) => {
      const bytes = new Uint8Array(Buffer.from(JSON.stringify(input)))
      await relay.blobs.put(bytes)
      return await newSubmission(plan, index, bytes, crypto, new Date())
    }),
  )
}

async function runAll(items: readonly Submission[]): Promise<FinishedTask[]> {
  const admitted = await relay.host.submit(items[0]!.task.submitter, items)
  expect(admitted.every((item) => item.accepted)).toBe(true)
  const finished = (): FinishedTask[] =>
    relay.events.flatMap((event) =>
      event.type === 'taskFinished' && items.some((item) => item.task.taskId === event.finished.task.taskId)
        ? [event.finished]
        : [],
    )
  await until('the end of all tasks', () => finished().length === items.length)
  return finished().sort((a, b) => a.task.index - b.task.index)
}

test('TSK-05 three agents over TCP run what a client submits, and two equal answers complete it', async () => {
  const finished = await runAll(await submissions('export default (n) => n * n', [1, 2, 3, 4, 5, 6, 7, 8]))
  const outputs = finished.map(({ output }) =>
    output?.kind === 'inline' ? JSON.parse(Buffer.from(output.bytes).toString()) : undefined,
  )
  expect(outputs).toEqual([1, 4, 9, 16, 25, 36, 49, 64])
  for (const { votes, status } of finished) {
    expect(status).toBe('completed')
    expect(new Set(votes.map((vote) => vote.peerId)).size).toBeGreaterThanOrEqual(2)
  }
})

test('STO-07 inputs and outputs over 4 KiB travel as blobs', async () => {
  const long = 'x'.repeat(100_000)
  const [finished] = await runAll(await submissions('export default (text) => text + text', [long]))
  expect(finished!.output?.kind).toBe('blob')
  const hash = finished!.output?.kind === 'blob' ? finished!.output.hash : undefined
  expect(Buffer.from((await relay.blobs.get(hash!))!).toString()).toBe(JSON.stringify(long + long))
})

test('STO-07 a program, an input and an output over 1 MB travel in chunks', async () => {
  const source = `// ${'x'.repeat(1.5 * 2 ** 20)}\nexport default (text) => text + text`
  const long = 'y'.repeat(3_000_000)
  const [finished] = await runAll(await submissions(source, [long], { outputBytes: 8_000_000 }))
  expect(finished).toMatchObject({ status: 'completed', output: { kind: 'blob', sizeBytes: 6_000_002 } })
  const hash = finished!.output?.kind === 'blob' ? finished!.output.hash : undefined
  expect(Buffer.from((await relay.blobs.get(hash!))!).equals(Buffer.from(JSON.stringify(long + long)))).toBe(
    true,
  )
  const programHash = finished!.task.programHash
  expect(await Promise.all(agents.map(({ blobs }) => blobs.has(programHash)))).toEqual([true, true, true])
})

test('TSK-08 a program that throws ends failed by agreement, and nobody is blamed', async () => {
  const [finished] = await runAll(await submissions('export default () => { throw new Error("no") }', [1]))
  expect(finished).toMatchObject({ status: 'failed', error: { kind: 'thrown' } })
  expect(finished!.votes.length).toBeGreaterThanOrEqual(2)
  const blamed = relay.events.filter((event) => event.type === 'verdict' && event.judged !== 'agreed')
  expect(blamed).toEqual([])
})
