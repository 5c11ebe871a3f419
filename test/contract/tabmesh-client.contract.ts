import type { ItemResult } from '../../shared/client/result-line.ts'
import type { TabmeshClient } from '../../shared/client/tabmesh-client.ts'
import { type ContractCase, rejection, same, sameJson } from './contract-case.ts'

/** What the implementation is tried with: what it hands in is run by three workers at least. */
export interface ClientSubject {
  readonly client: TabmeshClient
}

const quickProgram = `export default (x) => {
  if (x === 'bad') throw new Error('this item is bad')
  return { got: x }
}`
/** Runs until it is told to stop. */
const endlessProgram = 'export default () => { for (;;) {} }'

const options = { taskType: 'javascript' }
const unknownId = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff'

async function all(results: AsyncIterable<ItemResult>): Promise<ItemResult[]> {
  const list: ItemResult[] = []
  for await (const result of results) list.push(result)
  return list
}

const outputs = (results: readonly ItemResult[]): unknown[] =>
  results.map((each) => (each.status === 'completed' ? each.output : each.error.kind))

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50))
}

const codeOf = async (promise: Promise<unknown>): Promise<unknown> =>
  ((await rejection(promise)) as { code?: unknown }).code

/** `isEndless`: its tasks have to go on until they are cancelled. */
type ClientCase = ContractCase<ClientSubject> & { readonly isEndless?: true }

const mapping: readonly ClientCase[] = [
  {
    name: 'gives the results in the order of the inputs, which may come one after another',
    async run({ client }) {
      async function* inputs() {
        for (const input of [1, 'two', { three: [3] }, null]) yield input
      }
      const results = await all(client.map(quickProgram, inputs(), options))
      sameJson(
        outputs(results),
        [{ got: 1 }, { got: 'two' }, { got: { three: [3] } }, { got: null }],
        'outputs',
      )
      sameJson(
        results.map(({ index }) => index),
        [0, 1, 2, 3],
        'indexes',
      )
      same(new Set(results.map(({ taskId }) => taskId)).size, 4, 'ids')
    },
  },
  {
    name: 'tells how far it is, and in the end that all is done',
    async run({ client }) {
      const seen: number[] = []
      const run = client.map(quickProgram, [1, 2, 3], {
        ...options,
        onProgress: ({ completed }) => seen.push(completed),
      })
      await all(run)
      sameJson([run.progress.accepted, run.progress.completed, run.progress.failed], [3, 3, 0], 'progress')
      same(seen.at(-1), 3, 'the last that was told')
      sameJson(
        seen,
        [...seen].sort((a, b) => a - b),
        'what was told',
      )
    },
  },
  {
    name: 'an item that fails says why and stops nothing',
    async run({ client }) {
      const results = await all(client.map(quickProgram, ['good', 'bad', 'good'], options))
      sameJson(outputs(results), [{ got: 'good' }, 'thrown', { got: 'good' }], 'ends')
    },
  },
  {
    name: 'no inputs give no results',
    async run({ client }) {
      sameJson(await all(client.map(quickProgram, [], options)), [], 'results')
    },
  },
  {
    name: 'what the inputs throw comes after the results of those before',
    async run({ client }) {
      function* inputs() {
        yield 1
        throw new Error('no more of them')
      }
      const results: ItemResult[] = []
      const error = await rejection(
        (async () => {
          for await (const result of client.map(quickProgram, inputs(), options)) results.push(result)
        })(),
      )
      same(error.message, 'no more of them', 'message')
      sameJson(outputs(results), [{ got: 1 }], 'results')
    },
  },
  {
    name: 'a signal ends it with Cancelled',
    isEndless: true,
    async run({ client }) {
      const stop = new AbortController()
      const run = client.map(endlessProgram, [1], { ...options, signal: stop.signal })
      const ended = codeOf(all(run))
      await until(async () => run.progress.accepted === 1)
      stop.abort()
      same(await ended, 'Cancelled', 'code')
    },
  },
]

const asking: readonly ClientCase[] = [
  {
    name: 'a task that is handed in has an id, a status and a result',
    async run({ client }) {
      const { taskId, jobId, result } = await client.submit(quickProgram, 'alone', options)
      sameJson(outputs([await result()]), [{ got: 'alone' }], 'result')
      sameJson(outputs([await client.result(taskId)]), [{ got: 'alone' }], 'result by id')
      const report = await client.status(taskId)
      same('taskId' in report && report.taskId, taskId, 'task')
      same('status' in report && report.status, 'completed', 'status')
      same('attempts' in report && report.attempts >= 2, true, 'attempts')
      same('completedAt' in report && Number.isFinite(Date.parse(report.completedAt!)), true, 'completedAt')
      sameJson(outputs(await all(client.results(jobId))), [{ got: 'alone' }], 'results of its job')
    },
  },
  {
    name: 'a job counts what became of its items',
    async run({ client }) {
      const run = client.map(quickProgram, [1, 'bad', 3], options)
      await all(run)
      const report = await client.status(run.jobId)
      const counts = 'accepted' in report && [report.jobId, report.accepted, report.completed, report.failed]
      sameJson(counts, [run.jobId, 3, 2, 1], 'counts')
      sameJson(outputs(await all(client.results(run.jobId, 1))), ['thrown', { got: 3 }], 'results from 1 on')
    },
  },
  {
    name: 'a job is watched until it has ended',
    async run({ client }) {
      const run = client.map(quickProgram, [1, 2], options)
      const ended = all(run)
      await until(async () => run.progress.accepted === 2)
      let last: unknown
      for await (const report of client.watch(run.jobId)) last = report
      const { accepted, completed, failed } = last as Record<string, number>
      sameJson([accepted, completed, failed], [2, 2, 0], 'the last report')
      await ended
    },
  },
  {
    name: 'a task that is cancelled ends as cancelled',
    isEndless: true,
    async run({ client }) {
      const { taskId, result } = await client.submit(endlessProgram, 1, options)
      await client.cancel(taskId)
      const end = await client.result(taskId)
      sameJson(outputs([end]), ['cancelled'], 'end')
      const report = await client.status(taskId)
      same('status' in report && report.status, 'cancelled', 'status')
      sameJson(outputs([await result()]), ['cancelled'], 'result')
    },
  },
  {
    name: 'of a job that is cancelled nothing is open',
    isEndless: true,
    async run({ client }) {
      const run = client.map(endlessProgram, [1, 2], options)
      const ended = all(run)
      await until(async () => run.progress.accepted === 2)
      await client.cancel(run.jobId)
      const report = await client.status(run.jobId)
      sameJson(
        'accepted' in report && [report.accepted, report.completed, report.failed],
        [2, 0, 2],
        'counts',
      )
      sameJson(outputs(await ended), ['cancelled', 'cancelled'], 'ends')
    },
  },
  {
    name: 'an id that is none of its own is refused',
    async run({ client }) {
      same(await codeOf(client.status(unknownId)), 'Refused', 'status')
      same(await codeOf(client.cancel(unknownId)), 'Refused', 'cancel')
      same(await codeOf(client.receipt(unknownId)), 'Refused', 'receipt')
    },
  },
  {
    name: 'the network tells of itself',
    async run({ client }) {
      const { networkId, workers } = await client.status()
      same(/^[0-9a-f]{64}$/.test(networkId), true, 'networkId')
      same(workers.count >= 3, true, 'three workers')
    },
  },
]

const proving: readonly ClientCase[] = [
  {
    name: 'the receipt of a job holds, and one that was changed does not',
    async run({ client }) {
      const run = client.map(quickProgram, [1, 2, 'bad'], options)
      await all(run)
      const text = await client.receipt(run.jobId)
      const verdict = await client.verifyReceipt(text)
      sameJson([verdict.valid, verdict.tasks, verdict.reason], [true, 3, undefined], 'verdict')
      same((await client.verifyReceipt(JSON.parse(text))).valid, true, 'as a value')
      const changed = text.replace(
        /"outputHash":"(.)/,
        (_, first) => `"outputHash":"${first === '0' ? '1' : '0'}`,
      )
      const refused = await client.verifyReceipt(changed)
      same(refused.valid, false, 'a changed one')
      same(typeof refused.reason, 'string', 'why')
      same((await client.verifyReceipt('no receipt')).valid, false, 'no receipt')
    },
  },
  {
    name: 'a single task has a receipt of its own',
    async run({ client }) {
      const run = client.map(quickProgram, [1, 2], options)
      const [first] = await all(run)
      const verdict = await client.verifyReceipt(await client.receipt(first!.taskId))
      sameJson([verdict.valid, verdict.tasks], [true, 1], 'verdict')
    },
  },
]

export const tabmeshClientContract: readonly ClientCase[] = [...mapping, ...asking, ...proving]
