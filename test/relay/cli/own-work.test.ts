import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { GuestFault, type LoopbackOptions } from '../http/loopback-relay.ts'
import { type CliFixture, startCli } from './cli-fixture.ts'

let cli: CliFixture
afterEach(() => cli?.close())

const start = async (options?: LoopbackOptions) => {
  cli = await startCli(options)
}

const failsOnBad = (_: string, item: unknown) => {
  if (item === 'bad') throw new GuestFault('thrown', 'no such\nthing')
  return item
}

/** A job of these lines that is over: its id, and those of its tasks. */
async function doneJob(
  lines: string,
): Promise<{ readonly jobId: string; readonly taskIds: readonly string[] }> {
  const { out, err } = await cli.tabmesh(
    ['map', '--type', 'javascript', '--program', 'program.js', '--json'],
    {
      stdin: [lines],
    },
  )
  return { jobId: JSON.parse(err.at(-1)!).jobId, taskIds: out.map((line) => JSON.parse(line).taskId) }
}

/** A job that is kept under way until `end`. */
async function openJob(
  lines: string,
): Promise<{ readonly jobId: string; readonly end: () => Promise<unknown> }> {
  cli.relay.hold()
  const stop = new AbortController()
  const words = ['map', '--type', 'javascript', '--program', 'program.js', '--job', 'job']
  const running = cli.tabmesh(words, { stdin: [lines], stop: stop.signal })
  await expect.poll(() => cli.relay.submitted.flat().length).toBe(lines.trimEnd().split('\n').length)
  stop.abort()
  await running
  const { job } = JSON.parse(await readFile(join(cli.folder, 'job'), 'utf8'))
  return { jobId: job.jobId, end: async () => cli.relay.release() }
}

describe('WEB-08 result', () => {
  test('WEB-08 prints the results of a job as submit does, and exits 1 when one failed', async () => {
    await start({ program: failsOnBad })
    const { jobId } = await doneJob('a\nbad\nc\n')
    const plain = await cli.tabmesh(['result', jobId])
    expect([plain.code, plain.out]).toEqual([1, ['a', 'failed: thrown: no such thing', 'c']])
    expect(plain.err).toEqual(['item 1 failed: thrown: no such thing'])
    const json = await cli.tabmesh(['result', jobId, '--json'])
    expect(json.out.map((line) => JSON.parse(line).index)).toEqual([0, 1, 2])
  })

  test('TSK-11 writes the receipt of a job, and of a task', async () => {
    await start()
    const { jobId, taskIds } = await doneJob('a\nb\n')
    const job = await cli.tabmesh(['result', jobId, '--receipt', 'job.json'])
    expect([job.code, job.err]).toEqual([0, ['receipt written to job.json']])
    expect((await cli.tabmesh(['verify', 'job.json'])).stdout).toContain('valid: 2 tasks')
    const task = await cli.tabmesh(['result', taskIds[1]!, '--receipt', 'task.json'])
    expect([task.code, task.out]).toEqual([0, ['b']])
    expect((await cli.tabmesh(['verify', 'task.json'])).stdout).toContain('valid: 1 task,')
  })

  test('WEB-08 of a job under way are those that are there, and it says so', async () => {
    await start()
    const { jobId, end } = await openJob('a\nb\n')
    const { code, stdout, err } = await cli.tabmesh(['result', jobId])
    expect([code, stdout, err]).toEqual([1, '', ['it has not ended: 0 of 2 done']])
    await end()
    await cli.tabmesh(['watch', jobId])
    expect((await cli.tabmesh(['result', jobId])).out).toEqual(['a', 'b'])
  })
})

describe('WEB-08 watch', () => {
  test('WEB-08 prints a line for each change, and ends with the job', async () => {
    await start({ program: failsOnBad })
    const { jobId, end } = await openJob('a\nbad\n')
    const watching = cli.tabmesh(['watch', jobId], { out: () => void end() })
    const { code, out } = await watching
    expect(out[0]).toBe('0 of 2 done')
    expect([code, out.at(-1)]).toEqual([1, '2 of 2 done, 1 of them failed'])
  })

  test('WEB-08 with --json gives the reports, one a line', async () => {
    await start()
    const { jobId, taskIds } = await doneJob('a\n')
    const job = await cli.tabmesh(['watch', jobId, '--json'])
    expect(job.code).toBe(0)
    expect(JSON.parse(job.out[0]!)).toMatchObject({ jobId, accepted: 1, completed: 1, failed: 0 })
    const task = await cli.tabmesh(['watch', taskIds[0]!, '--json'])
    expect(JSON.parse(task.out[0]!)).toMatchObject({ taskId: taskIds[0], status: 'completed' })
  })

  test('WEB-08 shows a bar on a terminal', async () => {
    await start()
    const { jobId } = await doneJob('a\nb\n')
    const { stdout, stderr } = await cli.tabmesh(['watch', jobId], { terminal: true })
    expect(stdout).toBe('')
    expect(stderr).toContain(`[${'#'.repeat(30)}] 100 %  2 of 2 done`)
    expect(stderr.endsWith('2 of 2 done\n')).toBe(true)
  })

  test('WEB-08 stops when asked to, and the job goes on', async () => {
    await start()
    const { jobId, end } = await openJob('a\n')
    const stop = new AbortController()
    const { code, err } = await cli.tabmesh(['watch', jobId], { stop: stop.signal, out: () => stop.abort() })
    expect([code, err]).toEqual([1, ['stopped: 0 of 1 done; it goes on without being watched']])
    await end()
    expect((await cli.tabmesh(['watch', jobId])).code).toBe(0)
  })

  test('WEB-08 says what a job waits for', async () => {
    await start({ workers: 1 })
    const { jobId } = await openJob('a\n')
    const stop = new AbortController()
    const { out } = await cli.tabmesh(['watch', jobId], { stop: stop.signal, out: () => stop.abort() })
    expect(out).toEqual(['0 of 1 done, waiting for 2 more workers'])
  })
})

describe('WEB-08 jobs', () => {
  test('WEB-08 lists those of this user, newest first, and no others', async () => {
    await start({ program: failsOnBad })
    const first = await doneJob('a\n')
    const second = await doneJob('a\nbad\n')
    await cli.submit({ input: await cli.file('in.txt', 'a'), data: join(cli.folder, 'another') })
    const { code, out, err } = await cli.tabmesh(['jobs'])
    expect([code, err]).toEqual([0, []])
    expect(out.map((line) => line.split('  '))).toEqual([
      [second.jobId, expect.stringMatching(/^\d{4}-.*Z$/), '2 of 2 done, 1 of them failed'],
      [first.jobId, expect.stringMatching(/^\d{4}-.*Z$/), '1 of 1 done'],
    ])
    const json = await cli.tabmesh(['jobs', '--json'])
    expect(json.out.map((line) => JSON.parse(line))).toMatchObject([
      { jobId: second.jobId, accepted: 2, completed: 1, failed: 1 },
      { jobId: first.jobId, accepted: 1 },
    ])
  })

  test('WEB-08 says so when there are more than it shows, or none', async () => {
    await start()
    expect((await cli.tabmesh(['jobs'])).err).toEqual(['no jobs of yours are known here'])
    await doneJob('a\n')
    const last = await doneJob('b\n')
    const { out, err } = await cli.tabmesh(['jobs', '--limit', '1'])
    expect(out.map((line) => line.slice(0, 36))).toEqual([last.jobId])
    expect(err).toEqual(['these are the latest 1; --limit N shows more'])
  })
})

describe('TSK-12 cancel and status', () => {
  test('TSK-12 ends what has not ended of a job', async () => {
    await start()
    const { jobId } = await openJob('a\nb\n')
    const { code, out } = await cli.tabmesh(['cancel', jobId])
    expect([code, out]).toEqual([0, ['cancelled: 0 of 2 done']])
    expect((await cli.relay.status()).tasks.cancelled).toBe(2)
    const again = await cli.tabmesh(['cancel', jobId])
    expect([again.code, again.out]).toEqual([0, ['had ended before: 2 of 2 done, 2 of them failed']])
  })

  test('TSK-12 tells of a job and of a task', async () => {
    await start()
    const { jobId, taskIds } = await doneJob('a\n')
    expect((await cli.tabmesh(['status', jobId])).stdout).toMatch(/^jobId +[0-9a-f-]{36}\naccepted +1\n/)
    const task = await cli.tabmesh(['status', taskIds[0]!, '--json'])
    expect(JSON.parse(task.stdout)).toMatchObject({ jobId, status: 'completed', output: 'a' })
    expect((await cli.tabmesh(['status'])).stdout).toMatch(/^networkId +[0-9a-f]{64}\n/)
  })

  test('WEB-08 status shows an output as submit prints it, and leaves out what says nothing', async () => {
    await start({ program: (_, item) => JSON.parse(String(item)) })
    const { taskIds } = await doneJob('{"station":"Oslo","f":24.8}\n"two\\nlines"\n"plain"\n')
    const shown = await Promise.all(taskIds.map((id) => cli.tabmesh(['status', id])))
    expect(shown.map(({ out }) => out.at(-1)!.replace(/^output +/, ''))).toEqual([
      '{"station":"Oslo","f":24.8}',
      '"two\\nlines"',
      'plain',
    ])
    const network = await cli.tabmesh(['status'])
    expect(network.out.filter((line) => /^\w+ *$/.test(line))).toEqual([])
    expect(network.stdout).not.toContain('disagreements')
  })

  test('WEB-08 status and submit say the same of a relay that cannot be', async () => {
    await start()
    const program = ['--type', 'javascript', '--program', 'program.js', '--input', 'program.js']
    const relay = ['--relay', 'http://127.0.0.1:1', '--json']
    const told = [
      await cli.tabmesh(['status', ...relay]),
      await cli.tabmesh(['submit', ...program, ...relay]),
    ]
    const [ofStatus, ofSubmit] = told.map(({ err }) => JSON.parse(err.at(-1)!).error)
    expect(ofStatus).toMatchObject({ code: 'Unreachable', message: expect.stringContaining('port 1') })
    expect(ofStatus).toEqual(ofSubmit)
  })

  test.each(['status', 'watch', 'cancel', 'result'])(
    'TSK-12 %s of what is not known here, or of another',
    async (command) => {
      await start()
      const { jobId } = await doneJob('a\n')
      const nobody = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff'
      const unknown = await cli.tabmesh([command, nobody])
      expect([unknown.code, unknown.stdout, unknown.err]).toEqual([
        1,
        '',
        [`tabmesh: Neither a task nor a job ${nobody} is known here`],
      ])
      const stranger = await cli.tabmesh([command, jobId, '--data', 'another'])
      expect([stranger.code, stranger.stdout, stranger.err.length]).toEqual([1, '', 1])
      expect(stranger.err[0]).toContain('of another submitter')
    },
  )

  test.each(['status', 'watch', 'cancel', 'result'])(
    'TSK-12 %s of what is no id is an error of usage',
    async (command) => {
      await start()
      const { code, err } = await cli.tabmesh([command, '../jobs'])
      expect([code, err]).toEqual([
        2,
        ['tabmesh: "../jobs" is no id of a task or a job, as 6f9619ff-8b86-4d01-b42d-00cf4fc964ff'],
      ])
    },
  )
})
