import { chmod, mkdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { ReaderGone } from '../../../relay/cli/io.ts'
import { GuestFault, type LoopbackOptions } from '../http/loopback-relay.ts'
import { type CliFixture, type CommandHow, type Run, startCli } from './cli-fixture.ts'

let cli: CliFixture
afterEach(() => cli?.close())

const start = async (options?: LoopbackOptions) => {
  cli = await startCli(options)
}

const js = ['--type', 'javascript', '--program', 'program.js']
const map = (words: readonly string[], stdin: CommandHow['stdin'] = [], how: CommandHow = {}): Promise<Run> =>
  cli.tabmesh(['map', ...js, ...words], { stdin, ...how })
const read = (name: string) => readFile(join(cli.folder, name), 'utf8')
const numbers = (count: number) => [...Array(count).keys()].map(String)
const text = (count: number) =>
  numbers(count)
    .map((each) => `${each}\n`)
    .join('')
const kept = async (name = 'job') => JSON.parse(await read(name))

const failsOnBad = (_: string, item: unknown) => {
  if (item === 'bad') throw new GuestFault('thrown', 'no such\nthing')
  return item
}

/** Stops a command after so many lines, as SIGINT does. */
function stopAfter(lines: number): CommandHow & { readonly seen: string[] } {
  const stop = new AbortController()
  const seen: string[] = []
  return {
    seen,
    stop: stop.signal,
    out: (line) => {
      seen.push(line)
      if (seen.length === lines) stop.abort()
    },
  }
}

describe('WEB-08 map', () => {
  test('WEB-08 runs the program on each line of stdin, and prints the results in order', async () => {
    await start({ program: (_, item) => `<${item}>` })
    const { code, out, err } = await map([], ['one\ntw', 'o\nthree'])
    expect([code, out]).toEqual([0, ['<one>', '<two>', '<three>']])
    expect(err[0]).toMatch(/^job [0-9a-f-]{36}: follow it with {2}tabmesh watch [0-9a-f-]{36}$/)
    expect(err.slice(1)).toEqual([expect.stringMatching(/^3 completed, 0 failed, 9 executions in [\d.]+ s$/)])
  })

  test('WEB-08 rows of CSV and elements of JSON are items too', async () => {
    await start({ program: (_, item) => item })
    expect((await map(['--map', 'csv'], ['a,b\n1,', '2\n'])).out).toEqual(['{"a":"1","b":"2"}'])
    expect((await map(['--map', 'json'], ['[1, {"x"', ':2}]'])).out).toEqual(['1', '{"x":2}'])
    expect((await map(['--map', 'json'], ['1\n{"x":2}\n'])).out).toEqual(['1', '{"x":2}'])
  })

  test('WEB-08 with --json prints NDJSON, and a summary as the last line of stderr', async () => {
    await start({ program: failsOnBad })
    const { code, out, err } = await map(['--json'], ['a\nbad\n'])
    expect(code).toBe(1)
    expect(out.map((line) => JSON.parse(line))).toEqual([
      { index: 0, taskId: expect.any(String), status: 'completed', output: 'a' },
      {
        index: 1,
        taskId: expect.any(String),
        status: 'failed',
        error: { kind: 'thrown', message: 'no such\nthing' },
      },
    ])
    expect(JSON.parse(err[0]!)).toEqual({ jobId: JSON.parse(err.at(-1)!).jobId })
    expect(err[1]).toBe('item 1 failed: thrown: no such thing')
    expect(JSON.parse(err.at(-1)!)).toEqual({
      ...{ jobId: expect.any(String), items: 2, completed: 1, failed: 1, executions: expect.any(Number) },
      seconds: expect.any(Number),
    })
  })

  test('WEB-08 gives each result as it comes, before its input has ended', async () => {
    await start()
    const printed = Promise.withResolvers<void>()
    async function* stdin() {
      yield 'first\n'
      await printed.promise
      yield 'second\n'
    }
    const { out } = await map([], stdin(), { out: () => printed.resolve() })
    expect(out).toEqual(['first', 'second'])
  })

  test('WEB-08 reads and writes files where they are named', async () => {
    await start()
    await cli.file('in.txt', 'a\nb\n')
    await cli.file('out.txt', 'what was there before, and is longer than what comes\n')
    const { code, stdout } = await map(['--input', 'in.txt', '--output', 'out.txt'])
    expect([code, stdout, await read('out.txt')]).toEqual([0, '', 'a\nb\n'])
  })

  test('WEB-08 nothing comes of nothing', async () => {
    await start()
    const { code, stdout } = await map(['--receipt', 'receipt.json'])
    expect([code, stdout]).toEqual([0, ''])
  })

  test('TSK-11 writes a receipt that holds', async () => {
    await start()
    const { code, err } = await map(['--receipt', 'receipt.json', '--json', '--output', 'out'], ['a\nb\n'])
    expect([code, err.slice(1)]).toEqual([
      0,
      [expect.stringContaining('receipt written to receipt.json'), expect.any(String)],
    ])
    const verified = await cli.tabmesh(['verify', 'receipt.json', '--output', 'out'])
    expect([verified.code, verified.stdout]).toEqual([
      0,
      expect.stringMatching(/^valid: 2 tasks, [23] workers, 1 operator, trust: none given\n$/),
    ])
  })

  test('WEB-08 on a terminal shows how many are done, and not each of them', async () => {
    await start()
    const { stderr } = await map([], [text(300)], { terminal: true })
    const shown = stderr.split('\r\u001b[K')
    expect(stderr).toMatch(/\d+ done/)
    expect(shown.length).toBeLessThan(100)
  })

  test('WEB-08 what is wrong with the input is said with its place, after the results of what came before', async () => {
    await start()
    const { code, out, err } = await map(['--map', 'csv'], ['a,b\n1,2\n3,4\n5\n6,7\n'])
    expect([code, out]).toEqual([2, ['{"a":"1","b":"2"}', '{"a":"3","b":"4"}']])
    expect(err[1]).toBe(
      'tabmesh: The input on stdin cannot be mapped: line 4: 1 fields where the first row names 2',
    )
    expect(err[2]).toMatch(/^ended after 2 items; what was under way is cancelled/)
  })

  test.each([[[]], [['--json']]])(
    'WEB-08 the summary counts what was done before the input went wrong %s',
    async (words) => {
      await start()
      const { code, err } = await map(['--map', 'json', ...words], ['1\n2\nx'])
      expect(code).toBe(2)
      if (words.length === 0) expect(err.at(-1)).toMatch(/^2 completed, 0 failed, 6 executions in /)
      else expect(JSON.parse(err.at(-1)!)).toMatchObject({ items: 2, completed: 2, failed: 0, executions: 6 })
    },
  )

  test('WEB-08 an input that is wrong from its beginning is an error of usage, and nothing else', async () => {
    await start()
    const { code, stdout, err } = await map(['--map', 'json'], ['{]'])
    expect([code, stdout, err.length]).toEqual([2, '', 1])
    expect(err[0]).toMatch(/^tabmesh: The input on stdin cannot be mapped: line 1: not JSON: /)
  })

  test('TSK-12 ends when asked to, cancels what is under way, and says how it could be gone on with', async () => {
    await start()
    const stopping = stopAfter(3)
    async function* stdin() {
      yield text(10)
      await new Promise(() => {})
    }
    cli.relay.hold()
    setTimeout(() => cli.relay.release(), 300)
    const { code, err } = await map([], stdin(), stopping)
    expect(code).toBe(1)
    expect(err[1]).toBe(
      `stopped after ${stopping.seen.length} items; what was under way is cancelled (with --job FILE it could be gone on with)`,
    )
    const { tasks } = await cli.relay.status()
    expect(tasks.pending + tasks.assigned + tasks.running + tasks.pending_verification).toBe(0)
  })

  test('WEB-08 ends quietly when its reader has left', async () => {
    await start()
    const { code, stdout, err } = await map([], [text(50)], {
      out: () => {
        throw new ReaderGone()
      },
    })
    expect([code, stdout, err.slice(1)]).toEqual([1, '', []])
  })
})

describe('TSK-13 map --job', () => {
  const words = ['--job', 'job', '--output', 'out']

  test('TSK-13 goes on where it was stopped, and the output is whole', async () => {
    await start()
    const first = await map(['--job', 'job'], [text(100)], stopAfter(30))
    expect(first.code).toBe(1)
    expect(first.err[1]).toMatch(
      /^stopped after \d+ items; the same command with --job job and the same input goes on from there$/,
    )
    const second = await map(['--job', 'job'], [text(100)])
    expect(second.code).toBe(0)
    expect(second.err[0]).toBe(`going on after the ${first.out.length} items that are done`)
    expect([...first.out, ...second.out]).toEqual(numbers(100))
    expect((await cli.relay.status()).tasks).toMatchObject({ completed: 100, cancelled: 0 })
  })

  test('TSK-13 with --output too, whatever was written behind what was noted', async () => {
    await start()
    const early = new AbortController()
    async function* stdin() {
      yield text(50)
      await expect.poll(async () => (await kept()).job.cursor.items, { timeout: 10_000 }).toBe(50)
      early.abort()
      await new Promise(() => {})
    }
    await map(words, stdin(), { stop: early.signal })
    // A process that is killed here leaves this.
    await writeFile(join(cli.folder, 'out'), `${await read('out')}50\n51\nhalf a li`)
    const { code } = await map(words, [text(120)])
    expect([code, await read('out')]).toEqual([0, text(120)])
  })

  test('TSK-14 is kept before anything is handed in, and closed to others', async () => {
    await start()
    cli.relay.hold()
    const stop = new AbortController()
    const running = map(words, [text(5)], { stop: stop.signal })
    await expect.poll(() => cli.relay.submitted.length).toBe(1)
    const { job, isDone } = await kept()
    expect([job.cursor.items, isDone]).toEqual([0, false])
    expect((await stat(join(cli.folder, 'job'))).mode & 0o777).toBe(0o600)
    stop.abort()
    await running
    cli.relay.release()
    expect((await map(words, [text(5)])).code).toBe(0)
    expect(new Set(cli.relay.submitted.flat()).size).toBe(5)
  })

  test('TSK-13 a job that is done is not done again, and its receipt can still be had', async () => {
    await start({ program: failsOnBad })
    await map(words, ['a\nbad\nc\n'])
    const again = await map([...words, '--receipt', 'receipt.json'], ['a\nbad\nc\n'])
    expect(again.err.slice(0, 2)).toEqual([
      'the job of job was done before, all of its 3 items',
      'receipt written to receipt.json',
    ])
    expect([again.code, await read('out')]).toEqual([1, 'a\nfailed: thrown: no such thing\nc\n'])
    expect(cli.relay.submitted.length).toBe(1)
    await expect(stat(join(cli.folder, 'job.lock'))).rejects.toThrow('ENOENT')
  })

  test('TSK-13 counts failures of before', async () => {
    await start({ program: failsOnBad })
    await map(['--job', 'job'], ['bad\nb\nc\n'], stopAfter(1))
    const { code, err } = await map(['--job', 'job'], ['bad\nb\nc\n'])
    expect(code).toBe(1)
    expect(err.at(-1)).toMatch(/^2 completed, 1 failed, /)
  })

  test('TSK-13 is not gone on with by two processes at once', async () => {
    await start()
    cli.relay.hold()
    const stop = new AbortController()
    const running = map(words, [text(5)], { stop: stop.signal })
    await expect.poll(() => cli.relay.submitted.length).toBe(1)
    const second = await map(words, [text(5)])
    expect([second.code, second.err]).toEqual([
      2,
      ['tabmesh: Another process goes on with the job of job: wait for it, or stop it first'],
    ])
    stop.abort()
    await running
  })

  test.each<[string, readonly string[], RegExp]>([
    ['another program', ['--program', 'other.js'], /begun with another program$/],
    [
      'another type',
      ['--type', 'wasi', '--program', 'f.wasm'],
      /begun with another program, another taskType/,
    ],
    ['another priority', ['--priority', 'low'], /begun with another priority \("normal", now "low"\)$/],
    ['other limits', ['--fuel', '5'], /begun with another limits/],
    ['another map', ['--map', 'json'], /The job of job was begun with --map lines: go on with it so$/],
    ['other lines', ['--json'], /The job of job was begun with no --json: go on with it so$/],
    ['another place', [], /The job of job was begun with --output FILE: go on with it so$/],
    ['another key', ['--data', 'elsewhere'], /begun with another key \(/],
  ])('TSK-13 with %s is an error of usage, and changes nothing', async (name, changes, message) => {
    await start()
    await cli.file('other.js', 'export default (x) => [x]')
    await cli.file('f.wasm', Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))
    await map(words, [text(3)])
    const before = [await read('job'), await read('out')]
    const all = name === 'another place' ? ['--job', 'job'] : words
    const { code, stdout, err } = await map([...all, ...changes], [text(3)])
    expect([code, stdout, err.length]).toEqual([2, '', changes.includes('--json') ? 2 : 1])
    expect(err[0]).toMatch(message)
    expect([await read('job'), await read('out')]).toEqual(before)
  })

  test('TSK-13 with other inputs is an error of usage', async () => {
    await start()
    await map(['--job', 'job'], [text(20)], stopAfter(10))
    const { code, stdout, err } = await map(['--job', 'job'], ['x\n', text(20)])
    expect([code, stdout]).toEqual([2, ''])
    expect(err.join('\n')).toMatch(
      /The inputs are not those that the job was begun with: the first \d+ differ/,
    )
  })

  test('TSK-13 an output that is shorter than what was written is not gone on with', async () => {
    await start()
    await map(words, [text(10)], stopAfter(1))
    const stop = new AbortController()
    async function* stdin() {
      yield text(30)
      await expect.poll(async () => (await kept()).job.cursor.items, { timeout: 10_000 }).toBe(30)
      stop.abort()
      await new Promise(() => {})
    }
    await rm(join(cli.folder, 'job'))
    await map(words, stdin(), { stop: stop.signal })
    await truncate(join(cli.folder, 'out'), 5)
    const { code, err } = await map(words, [text(40)])
    expect(code).toBe(2)
    expect(err[0]).toMatch(
      /^tabmesh: The output out has 5 bytes, and this job wrote \d+: it is another file, or was changed$/,
    )
    await rm(join(cli.folder, 'out'))
    const gone = await map(words, [text(40)])
    expect([gone.code, gone.err[0]]).toEqual([
      2,
      'tabmesh: The output out could not be written (no such file or directory)',
    ])
  })

  test.each<[string, string | Uint8Array]>([
    ['nothing', ''],
    ['no JSON', 'hello'],
    ['another JSON', '{"a":1}'],
    ['bytes', Uint8Array.of(0xff, 0xfe, 0)],
    ['too much', 'x'.repeat(100_000)],
    ['a state without a job', '{"job":{},"map":"lines","json":false,"outputBytes":null,"isDone":false}'],
  ])('TSK-13 a file that holds %s is no job file, and left as it is', async (_, content) => {
    await start()
    await cli.file('job', content)
    const { code, err } = await map(['--job', 'job'], [text(3)])
    expect([code, err.length]).toEqual([2, 1])
    expect(err[0]).toMatch(/^tabmesh: job is no job file, as --job writes it \(.*\); it was left as it is$/)
    expect(await readFile(join(cli.folder, 'job'))).toEqual(Buffer.from(content))
  })

  test('TSK-14 a job file that cannot be written any more ends the command, with what is done kept before', async () => {
    await start()
    await mkdir(join(cli.folder, 'jobs'))
    let printed = 0
    const { code, err } = await map(['--job', 'jobs/job'], [text(1_000)], {
      out: async () => {
        if (++printed === 300) await chmod(join(cli.folder, 'jobs'), 0o500)
        if (printed === 300) await rm(join(cli.folder, 'jobs'), { recursive: true, force: true })
      },
    })
    expect(code).toBe(1)
    expect(err[1]).toMatch(/^tabmesh: The job file .* could not be written \(no such file or directory\)$/)
  })
})

describe('WEB-08 usage of map', () => {
  test.each<[string, readonly string[], RegExp]>([
    [
      'an input that is not there',
      ['--input', 'none'],
      /The input none cannot be read \(no such file or directory\)/,
    ],
    ['a folder for an input', ['--input', '.'], /The input \. cannot be read \(it is a directory\)/],
    ['a folder for an output', ['--output', '.'], /The output \. could not be written \(it is a directory\)/],
    [
      'a device for an output',
      ['--output', '/dev/null'],
      /no regular file; use the redirection of your shell/,
    ],
    ['a folder for a job', ['--job', '.'], /The job file \. could not be written \(it is a directory\)/],
    ['no folder for a job', ['--job', 'no/such/job'], /The job file no\/such\/job could not be written/],
    [
      'the input as output',
      ['--input', 'in.txt', '--output', './in.txt'],
      /The output \.\/in\.txt is the input/,
    ],
    ['the program as output', ['--output', 'program.js'], /The output program\.js is the program/],
    ['the output as job', ['--output', 'x', '--job', 'x'], /The job file x is the output/],
  ])('WEB-08 %s is an error of usage before anything is changed', async (_, words, message) => {
    await start()
    await cli.file('in.txt', 'a\n')
    const { code, stdout, err } = await map(words, ['a\n'])
    expect([code, stdout, err.length]).toEqual([2, '', 1])
    expect(err[0]).toMatch(message)
    expect([cli.relay.submitted, await read('in.txt')]).toEqual([[], 'a\n'])
  })
})
