import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import Papa from 'papaparse'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../support/servers/server-process.ts'
import { type Ended, launchTabmesh, ProcessNetwork } from '../support/tabmesh-processes.ts'

const root = new URL('../../', import.meta.url).pathname
const vega = (name: string) => readFile(join(root, 'node_modules/vega-datasets/data', name), 'utf8')

let network: ProcessNetwork

beforeAll(async () => {
  network = await ProcessNetwork.start(3)
})
afterAll(() => network.close())

const file = (name: string, content: string | Uint8Array) => writeFile(join(network.data, name), content)
const tabmesh = (...args: readonly string[]): Promise<Ended> => launchTabmesh(args, network.data).ended
const submit = (...args: readonly string[]): Promise<Ended> => network.submit(...args).ended
const lines = (text: string) => (text === '' ? [] : text.trimEnd().split('\n'))
const lastLine = (text: string) => lines(text).at(-1) ?? ''

/** Ended with words for a person: no trace of the code, and the code of its exit. */
function expectWords({ code, stderr }: Ended, exit: number, words: RegExp): void {
  expect(stderr).toMatch(words)
  expect(stderr).not.toMatch(/\n\s+at |\.ts:\d+/)
  expect([code, stderr]).toEqual([exit, stderr])
}

describe('WEB-08 real work', () => {
  test('TSK-13 a CSV of over a thousand rows is mapped, its receipt holds, and a changed one does not', async () => {
    const csv = await vega('seattle-weather.csv')
    await file('weather.csv', csv)
    await file(
      'range.js',
      `export default ({ date, temp_max, temp_min, weather }) =>
        ({ month: date.slice(0, 7), range: Math.round((temp_max - temp_min) * 10) / 10, dry: weather === 'sun' })`,
    )
    const rows = Papa.parse<Record<string, string>>(csv, { header: true, skipEmptyLines: true }).data
    expect(rows.length).toBeGreaterThan(1_000)
    const { code, stdout, stderr } = await submit(
      ...['--type', 'javascript', '--program', 'range.js', '--input', 'weather.csv', '--map', 'csv'],
      ...['--receipt', 'weather.json', '--json'],
    )
    expect([code, stderr]).toEqual([0, stderr])
    const results = lines(stdout).map((line) => JSON.parse(line))
    expect(results.map((each) => each.output)).toEqual(
      rows.map((row) => ({
        month: row['date']!.slice(0, 7),
        range: Math.round((Number(row['temp_max']) - Number(row['temp_min'])) * 10) / 10,
        dry: row['weather'] === 'sun',
      })),
    )
    expect(results.map((each) => each.index)).toEqual(rows.map((_, index) => index))
    expect(JSON.parse(lastLine(stderr))).toEqual({
      ...{ jobId: expect.any(String), items: rows.length, completed: rows.length, failed: 0 },
      ...{ executions: expect.any(Number), seconds: expect.any(Number) },
    })
    expect(JSON.parse(lastLine(stderr)).executions).toBeGreaterThanOrEqual(2 * rows.length)

    await file('weather.ndjson', stdout)
    const verdict = await network.verify('weather.json', '--output', 'weather.ndjson')
    expect(verdict).toMatchObject({
      code: 0,
      stdout: `valid: ${rows.length} tasks, 3 workers, 1 operator, trust: none given\n`,
    })
    const again = ['--program', 'range.js', '--input', 'weather.csv', '--map', 'csv', '--rerun', '20']
    expect((await network.verify('weather.json', ...again)).code).toBe(0)

    const receipt = await readFile(join(network.data, 'weather.json'), 'utf8')
    const at = receipt.indexOf('"outputHash":"') + '"outputHash":"'.length
    await file(
      'tampered.json',
      receipt.slice(0, at) + (receipt[at] === '0' ? '1' : '0') + receipt.slice(at + 1),
    )
    const refused = await network.verify('tampered.json')
    expect(refused.code).toBe(1)
    expect(refused.stdout).toMatch(
      /^invalid: task [0-9a-f-]{36}: vote of 12D3KooW\w+: is for another outcome\n$/,
    )
    await file('changed.ndjson', stdout.replace('"dry":true', '"dry":false'))
    expect((await network.verify('weather.json', '--output', 'changed.ndjson')).code).toBe(1)
  })

  test('TSK-02 words of real texts are counted by the program that comes with the network', async () => {
    const movies = JSON.parse(await vega('movies.json')) as { Title: unknown; Director: unknown }[]
    const texts = movies.slice(0, 300).map(({ Title, Director }) => `${Title}, by ${Director}. ${Title}!`)
    await file('movies.txt', `${texts.join('\n')}\n`)
    const { code, stdout, stderr } = await submit(
      ...['--type', 'text_processing', '--program', 'word_count', '--input', 'movies.txt', '--map', 'lines'],
      ...['--receipt', 'movies.json'],
    )
    expect([code, stderr]).toEqual([0, stderr])
    const counted = lines(stdout).map((line) => JSON.parse(line) as Record<string, number>)
    expect(counted.map((each) => sum(Object.values(each)))).toEqual(texts.map((text) => wordsOf(text).length))
    for (const [at, text] of texts.entries()) {
      for (const word of wordsOf(text)) {
        expect([at, word, counted[at]![word]]).toEqual([
          at,
          word,
          wordsOf(text).filter((each) => each === word).length,
        ])
      }
    }
    expect((await network.verify('movies.json')).stdout).toMatch(/^valid: 300 tasks/)
    // All of it as one item, above what travels inline.
    const whole = await submit(
      '--type',
      'text_processing',
      '--program',
      'word-count',
      '--input',
      'movies.txt',
      '--json',
    )
    const { output } = JSON.parse(lastLine(whole.stdout))
    expect(output['by']).toBe(wordsOf(texts.join('\n')).filter((word) => word === 'by').length)
  })
})

describe('TSK-08 programs that fail', () => {
  test.each([
    ['throws', "export default (x) => { throw new TypeError('no ' + x) }", 'thrown', 'no one'],
    ['is no program', 'export default (((', 'invalidProgram', ''],
    ['gives no JSON', 'export default () => undefined', 'notJson', ''],
    ['never settles', 'export default () => new Promise(() => {})', 'unsettled', ''],
  ])(
    'TSK-08 one that %s fails within 10 s, with a receipt, and nobody is blamed',
    async (_, source, kind, message) => {
      await file('failing.js', source)
      await file('one.txt', 'one')
      const startedAt = performance.now()
      const { code, stdout, stderr } = await submit(
        ...['--type', 'javascript', '--program', 'failing.js', '--input', 'one.txt', '--map', 'lines'],
        ...['--receipt', 'failed.json', '--json'],
      )
      expect(performance.now() - startedAt).toBeLessThan(10_000)
      expect(code).toBe(1)
      const { status, error } = JSON.parse(stdout)
      expect(status).toBe('failed')
      expect([error.kind, error.message]).toEqual([kind, expect.stringContaining(message)])
      expect(JSON.parse(lastLine(stderr))).toMatchObject({ items: 1, completed: 0, failed: 1 })
      expect((await network.verify('failed.json')).stdout).toMatch(/^valid: 1 task, /)
      const state = JSON.parse((await tabmesh('status', '--relay', network.url, '--json')).stdout)
      expect(state.disagreements).toEqual({})
      expect(state.workers.count).toBe(3)
    },
  )
})

describe('WEB-08 status', () => {
  test('WEB-08 tells the state of the network', async () => {
    const { code, stdout } = await tabmesh('status', '--relay', network.url, '--json')
    expect(code).toBe(0)
    const state = JSON.parse(stdout)
    const names = ['networkId', 'relay', 'peers', 'workers', 'tasks', 'queue', 'ledger', 'store']
    expect(Object.keys(state)).toEqual(expect.arrayContaining(names))
    expect(state).toMatchObject({
      workers: { count: 3, slots: 3, operators: expect.any(Number) },
      peers: { agents: 3, tabs: 0 },
      queue: { critical: 0, normal: 0, low: 0 },
    })
    const plain = await tabmesh('status', '--relay', network.url)
    expect(plain.stdout).toContain('count 3')
  })

  test('TSK-12 tells of a task to its submitter, and to nobody else', async () => {
    await file('two.txt', 'a\n')
    await file('same.js', 'export default (x) => x')
    const args = [
      '--type',
      'javascript',
      '--program',
      'same.js',
      '--input',
      'two.txt',
      '--map',
      'lines',
      '--json',
    ]
    const { taskId } = JSON.parse((await submit(...args)).stdout)
    const own = await tabmesh('status', '--relay', network.url, taskId, '--json')
    expect(JSON.parse(own.stdout)).toMatchObject({
      taskId,
      status: 'completed',
      attempts: expect.any(Number),
    })
    const other = await tabmesh(
      'status',
      '--relay',
      network.url,
      taskId,
      '--data',
      join(network.data, 'other'),
    )
    expectWords(other, 1, /^tabmesh: Forbidden: task /)
    const unknown = await tabmesh('status', '--relay', network.url, '6f9619ff-8b86-4d01-b42d-00cf4fc964ff')
    expectWords(
      unknown,
      1,
      /^tabmesh: Neither a task nor a job 6f9619ff-8b86-4d01-b42d-00cf4fc964ff is known here$/m,
    )
  })
})

describe('WEB-08 bad input', () => {
  beforeAll(async () => {
    await file('same.js', 'export default (x) => x')
    await file('two.txt', 'a\n')
  })

  const base = ['--type', 'javascript', '--program', 'same.js', '--input', 'two.txt']

  test.each<[string, readonly string[], RegExp]>([
    ['no command', [], /Usage: tabmesh/],
    ['an unknown command', ['fly'], /unknown command 'fly'/],
    ['submit without a relay', ['submit', ...base], /--relay URL.*TABMESH_RELAY/],
    [
      'submit with an unknown option',
      ['submit', '--relay', 'http://localhost:1', ...base, '--fast'],
      /unknown option '--fast'/,
    ],
    [
      'submit with an unknown map',
      ['submit', '--relay', 'http://localhost:1', ...base, '--map', 'xml'],
      /Allowed choices are lines, csv, json/,
    ],
    [
      'submit with a wait that is no number',
      ['submit', '--relay', 'http://localhost:1', ...base, '--wait', 'long'],
      /--wait.*whole number/s,
    ],
    [
      'submit to no address',
      ['submit', '--relay', 'localhost', ...base],
      /"localhost" is not the address of a relay/,
    ],
    [
      'an unknown program',
      ['submit', '--relay', 'http://localhost:1', ...base, '--program', 'nope'],
      /The program nope cannot be read .* no built-in program \(word_count, .*kmeans\)/,
    ],
    [
      'an input that is not there',
      ['submit', '--relay', 'http://localhost:1', ...base, '--input', 'nope'],
      /The input nope cannot be read \(no such file/,
    ],
    ['verify without a receipt', ['verify'], /missing required argument 'receipt'/],
    ['verify of two', ['verify', 'a', 'b'], /too many arguments/],
    ['relay on no port', ['relay', '--port', '70000'], /whole number from 0 to 65535/],
    ['agent without a relay', ['agent'], /relay is missing: expected a text like http:/],
    [
      'agent without slots',
      ['agent', '--relay', 'http://localhost:1', '--slots', '0'],
      /whole number from 1/,
    ],
  ])('WEB-08 %s ends with 2', async (_, args, words) => {
    expectWords(await tabmesh(...args), 2, words)
  })

  test('WEB-08 help is no error', async () => {
    expect(await tabmesh('submit', '--help')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('--receipt'),
    })
    expect((await tabmesh('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  test('TSK-02 an unknown type and a program over 64 MB are refused in the words of the requirements', async () => {
    const unknown = await submit('--program', 'same.js', '--input', 'two.txt', '--type', 'alchemy')
    expectWords(unknown, 2, /Unsupported task type: alchemy/)
    await file('huge.js', `export default (x) => x // ${'x'.repeat(64 * 1024 * 1024)}`)
    const huge = await submit('--program', 'huge.js', '--input', 'two.txt', '--type', 'javascript')
    expectWords(huge, 1, /Task payload exceeds 64 MB limit/)
  })

  test('STO-07 a program and an input over 1 MB go as blobs', async () => {
    await file('large.js', `export default (x) => x.length // ${'x'.repeat(2 * 1024 * 1024)}`)
    await file('large.txt', 'x'.repeat(3 * 1024 * 1024))
    const large = await submit('--program', 'large.js', '--input', 'large.txt', '--type', 'javascript')
    expect(large).toMatchObject({ code: 0, stdout: `${3 * 1024 * 1024}\n` })
  })

  test.each([
    ['submit', ['submit', ...base, '--wait', '1']],
    ['status', ['status']],
  ])('WEB-08 %s to a relay that is not there says so', async (_, args) => {
    const url = `http://127.0.0.1:${await freePort()}`
    const ended = await tabmesh(...args, '--relay', url)
    expectWords(ended, 1, new RegExp(`^tabmesh: The relay at ${url}.*connection refused`, 'm'))
  })

  test('WEB-08 submit does not wait for a port that fetch refuses', async () => {
    const ended = await tabmesh('submit', ...base, '--relay', 'http://127.0.0.1:1')
    expectWords(
      ended,
      1,
      /^tabmesh: The relay at http:\/\/127\.0\.0\.1:1 cannot be reached: port 1 is one that/m,
    )
  })

  test('NET-02 a port in use ends the relay with 2', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const data = join(network.data, 'second')
    const ended = await tabmesh('relay', '--port', String(port), '--libp2p-port', '0', '--data', data)
    server.close()
    expectWords(ended, 2, new RegExp(`^tabmesh: The HTTP port ${port} is in use\\.`, 'm'))
  })

  test('OPS-01 a data folder that cannot be written ends relay, agent and submit with 1', async () => {
    await file('a-file', '')
    const data = join(network.data, 'a-file', 'below')
    const relay = ['--port', '0', '--libp2p-port', '0']
    expectWords(
      await tabmesh('relay', ...relay, '--data', data),
      1,
      /data folder .*a-file.* cannot be written/,
    )
    expectWords(await tabmesh('agent', '--relay', network.url, '--data', data), 1, /cannot be written/)
    expectWords(await submit(...base, '--data', data), 1, /cannot be written/)
    // Nothing was there before that could be gone, or be restored.
    const nowhere = await submit(...base, '--data', '/proc/nowhere')
    expectWords(nowhere, 1, /data folder \/proc\/nowhere\/client cannot be made: no folder can be made there/)
    expect(nowhere.stderr).not.toContain('backup')
  })
})

describe('WEB-08 a command that is cut short', () => {
  beforeAll(async () => {
    await file('same.js', 'export default (x) => x')
    await file('many.txt', 'line\n'.repeat(300))
  })

  test('WEB-08 ends quietly when the reader of its output leaves', async () => {
    const { child, firstLine, ended } = network.submit(
      ...['--type', 'javascript', '--program', 'same.js', '--input', 'many.txt', '--map', 'lines', '--json'],
    )
    await firstLine
    child.stdout?.destroy()
    const { code, stderr } = await ended
    expect(stderr).not.toMatch(/EPIPE|\n\s+at /)
    expect(code).toBe(1)
  })

  test('TSK-12 ends its job on SIGINT', async () => {
    await file(
      'slow.js',
      'export default (x) => { let n = 0; for (let i = 0; i < 1e7; i++) n = (n * 31 + i) % 7; return n }',
    )
    const running = network.submit(
      ...['--type', 'javascript', '--program', 'slow.js', '--input', 'many.txt', '--map', 'lines', '--json'],
    )
    await running.firstLine
    running.child.kill('SIGINT')
    const { code, stderr } = await running.ended
    expect(code).toBe(1)
    expect(lines(stderr)).toContain('tabmesh: cancelled by its submitter')
    expect(JSON.parse(lastLine(stderr))).toMatchObject({ items: 300 })
    const { tasks } = JSON.parse((await tabmesh('status', '--relay', network.url, '--json')).stdout)
    expect(tasks.cancelled).toBeGreaterThan(0)
    expect(tasks.pending + tasks.assigned + tasks.running + tasks.pending_verification).toBe(0)
  })
})

test('WEB-08 under npm, paths are relative to the folder of the caller', async () => {
  await file('same.js', 'export default (x) => x')
  await file('two.txt', 'a\n')
  await submit('--type', 'javascript', '--program', 'same.js', '--input', 'two.txt', '--receipt', 'two.json')
  const child = spawn('npm', ['--prefix', root, 'run', '-s', 'tabmesh', '--', 'verify', 'two.json'], {
    cwd: network.data,
    env: { ...process.env, INIT_CWD: undefined },
  })
  const [stdout, [code]] = await Promise.all([readAll(child.stdout), once(child, 'exit')])
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^valid: 1 task, 2 workers/)])
})

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)

/** Words by hand, letter for letter. */
function wordsOf(text: string): string[] {
  const words: string[] = []
  let word = ''
  const isLetter = (char: string) => char.toLowerCase() !== char.toUpperCase() || (char >= '0' && char <= '9')
  const chars = [...text.toLowerCase(), ' ']
  for (const [at, char] of chars.entries()) {
    const isInside = (char === "'" || char === '’') && word !== '' && isLetter(chars[at + 1] ?? ' ')
    if (isLetter(char) || isInside) word += char
    else if (word !== '') {
      words.push(word)
      word = ''
    }
  }
  return words
}
