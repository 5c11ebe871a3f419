import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ArchivedTask, TaskArchive } from '../../../relay/storage/archive.ts'
import { encodeCanonical } from '../../../shared/kernel/codec.ts'
import { finishedKeyOf } from '../../../shared/task/coordinator-rows.ts'
import type { FinishedTask } from '../../../shared/task/messages.ts'
import { quickFolder } from '../../support/quick-folder.ts'
import { hashOf, inline, jobId, makeTask, peerId } from '../../support/task-fixtures.ts'

let folder: string
let rows: Map<string, Uint8Array>
const logged: string[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(quickFolder, 'tabmesh-archive-'))
  rows = new Map()
  logged.length = 0
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const archive = (): TaskArchive =>
  new TaskArchive({
    store: { get: async (key) => rows.get(key) },
    folder: join(folder, 'archive'),
    log: (level, message) => void logged.push(`${level} ${message.replace(folder, 'HERE')}`),
  })

/** Puts the row of a finished task where the archive looks for it; gives its key. */
function finish(n: number, endedAt = Date.UTC(2030, 0, 9)): string {
  const { task, signature } = makeTask(n, { jobId: jobId(7), index: n })
  const vote = { epoch: 1, attempt: 1, outcomeHash: hashOf('out'), at: task.submittedAt, admission: null }
  const batch = { root: hashOf('root'), index: 0, size: 1, path: [], signature: new Uint8Array(64) }
  const finished: FinishedTask = {
    task,
    signature,
    status: 'completed',
    outcome: { kind: 'ok', outputHash: hashOf('out') },
    output: inline('the secret output'),
    error: null,
    votes: [2, 3].map((peer) => ({ ...vote, peerId: peerId(peer), batch })),
    commitment: null,
    attempts: 3,
    durationMs: 12,
    transitions: [
      ['pending', Date.parse(task.submittedAt)],
      ['completed', endedAt],
    ],
  }
  rows.set(finishedKeyOf(finished), encodeCanonical(finished))
  return finishedKeyOf(finished)
}

const january = (): string => join(folder, 'archive', '2030-01.ndjson.gz')
const tasksIn = async (path: string): Promise<ArchivedTask[]> =>
  gunzipSync(await readFile(path))
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ArchivedTask)
const indexesIn = async (path: string): Promise<number[]> => (await tasksIn(path)).map(({ index }) => index)

describe('TSK-11 the archive', () => {
  test('has of a finished task who, what, when and how it ended, in the file of that month', async () => {
    await archive().keep([finish(1), finish(2, Date.UTC(2030, 1, 1))])
    expect((await readdir(join(folder, 'archive'))).sort()).toEqual([
      '2030-01.ndjson.gz',
      '2030-02.ndjson.gz',
    ])
    expect(await tasksIn(january())).toEqual([
      {
        taskId: makeTask(1).task.taskId,
        jobId: jobId(7),
        index: 1,
        submitter: peerId(1),
        status: 'completed',
        outcome: { kind: 'ok', outputHash: hashOf('out') },
        programHash: hashOf('program'),
        inputHash: hashOf('input 1'),
        submittedAt: '2030-01-01T00:00:00.000Z',
        endedAt: '2030-01-09T00:00:00.000Z',
        durationMs: 12,
        attempts: 3,
        voters: [peerId(2), peerId(3)],
      },
    ])
    expect((await stat(january())).mode & 0o777).toBe(0o600)
    expect((await stat(join(folder, 'archive'))).mode & 0o777).toBe(0o700)
  })

  test('grows over calls and runs, and other programs read it as one text', async () => {
    const first = archive()
    // Two at once go one after another.
    await Promise.all([first.keep([finish(1)]), first.keep([finish(2), finish(3)])])
    await archive().keep([finish(4)])
    expect(await indexesIn(january())).toEqual([1, 2, 3, 4])
    const text = execFileSync('gzip', ['-dc', january()], { encoding: 'utf8' })
    expect(text.trimEnd().split('\n').length).toBe(4)
    expect(text).not.toContain('secret')
  })

  test('takes a row that is gone for archived before', async () => {
    const key = finish(1)
    rows.delete(key)
    await archive().keep([key, finish(2)])
    expect(await indexesIn(january())).toEqual([2])
  })

  test('loses no line that was acknowledged, whatever a crash left of the next, and says what it dropped', async () => {
    await archive().keep([finish(1)])
    const before = (await stat(january())).size
    await archive().keep([finish(2)])
    const whole = await readFile(january())
    for (let end = before; end < whole.length; end++) {
      await writeFile(january(), whole.subarray(0, end))
      await archive().keep([finish(3)])
      expect(await indexesIn(january()), `${end} bytes`).toEqual([1, 3])
      expect(logged.splice(0).length).toBe(end === before ? 0 : 1)
      // As when the length was on the disk and the rest was not.
      await writeFile(january(), Buffer.concat([whole.subarray(0, end), Buffer.alloc(whole.length - end)]))
      const run = archive()
      await run.keep([finish(3)])
      // The last bytes of a member are the upper ones of its length, and are zero.
      expect(await indexesIn(january()), `${end} bytes and zeros`).toSatisfy((indexes: number[]) =>
        ['1,3', '1,2,3'].includes(String(indexes)),
      )
      logged.length = 0
    }
  })

  test('appends to no file that is damaged or a stranger’s, and leaves it as it is', async () => {
    const run = archive()
    await run.keep([finish(1)])
    await run.keep([finish(2)])
    const whole = await readFile(january())
    const damaged = Buffer.from(whole)
    damaged[0] = 0
    await writeFile(january(), damaged)
    await expect(archive().keep([finish(3)])).rejects.toMatchObject({
      code: 'WriteFailed',
      message: `Cannot write to ${january()}: the file was not written by this program; move it away`,
    })
    damaged[0] = 0x1f
    damaged[16] = 255
    await writeFile(january(), damaged)
    await expect(archive().keep([finish(3)])).rejects.toMatchObject({
      message: `Cannot write to ${january()}: the file is damaged at byte 0; move it away`,
    })
    expect(await readFile(january())).toEqual(damaged)
  })

  test('goes on where a person moved the file away or cut it', async () => {
    const run = archive()
    await run.keep([finish(1)])
    await run.keep([finish(2)])
    await truncate(january(), (await stat(january())).size - 1)
    await run.keep([finish(3)])
    expect(await indexesIn(january())).toEqual([1, 3])
    await rm(january())
    await run.keep([finish(4)])
    expect(await indexesIn(january())).toEqual([4])
  })

  test('rejects with the file and the reason, and keeps the tasks when it is asked again', async () => {
    await mkdir(join(folder, 'archive', '2030-01.ndjson.gz'), { recursive: true })
    const run = archive()
    await expect(run.keep([finish(1)])).rejects.toMatchObject({
      code: 'WriteFailed',
      message: `Cannot write to ${january()}: a directory stands where a file is needed; move it away or choose another directory with --data`,
    })
    await rm(january(), { recursive: true })
    await run.keep([finish(1)])
    expect(await indexesIn(january())).toEqual([1])
  })

  test('names a row that is damaged, and writes nothing', async () => {
    const key = finish(1)
    rows.set(key, rows.get(key)!.subarray(1))
    await expect(archive().keep([key, finish(2)])).rejects.toMatchObject({
      code: 'ReadFailed',
      message: `The row ${key} is damaged; restore the store from a backup`,
    })
    await expect(readdir(join(folder, 'archive'))).rejects.toThrow(/ENOENT/)
  })
})
