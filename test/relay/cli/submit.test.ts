import { mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { UsageError } from '../../../relay/cli/usage-error.ts'
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

describe('WEB-08 submit --json', () => {
  test('WEB-08 prints one NDJSON line per item, in input order, and nothing else', async () => {
    await start({ program: (_, item) => ({ upper: String(item).toUpperCase() }) })
    const input = await cli.file('in.txt', 'a\nb\nc\n')
    const { code, stdout, out } = await cli.submit({ input, map: 'lines', json: true })
    expect(code).toBe(0)
    expect(stdout.endsWith('}\n')).toBe(true)
    expect(out.map((line) => JSON.parse(line))).toEqual(
      ['A', 'B', 'C'].map((upper, index) => ({
        ...{
          index,
          taskId: expect.stringMatching(/^[0-9a-f-]{36}$/),
          status: 'completed',
          output: { upper },
        },
      })),
    )
    expect(out[0]).toMatch(
      /^\{"index":0,"taskId":"[^"]{36}","status":"completed","output":\{"upper":"A"\}\}$/,
    )
  })

  test('WEB-08 ends stderr with a summary', async () => {
    await start()
    const input = await cli.file('in.txt', 'a\nb\n')
    const { err } = await cli.submit({ input, map: 'lines', json: true })
    expect(JSON.parse(err.at(-1)!)).toEqual({
      jobId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      ...{ items: 2, completed: 2, failed: 0, executions: 6, seconds: expect.any(Number) },
    })
  })

  test('WEB-08 an item that failed has its error, and the exit code says so', async () => {
    await start({ program: failsOnBad })
    const input = await cli.file('in.txt', 'a\nbad\nc\n')
    const { code, out, err } = await cli.submit({ input, map: 'lines', json: true })
    expect(code).toBe(1)
    expect(JSON.parse(out[1]!)).toEqual({
      ...{ index: 1, taskId: expect.any(String), status: 'failed' },
      error: { kind: 'thrown', message: 'no such\nthing' },
    })
    expect(err[1]).toBe('item 1 failed: thrown: no such thing')
    expect(JSON.parse(err.at(-1)!)).toMatchObject({ items: 3, completed: 2, failed: 1 })
  })

  test('WEB-08 outputs stand in their lines as the program wrote them', async () => {
    await start({ program: (_, item) => item })
    const input = await cli.file('in.json', '[{"b":1,"a":[1.50,"\\u00e9"]}, "x\\ny", null, 0]')
    const { out } = await cli.submit({ input, map: 'json', json: true })
    const raw = out.map((line) => line.slice(line.indexOf('"output":') + 9, -1))
    expect(raw).toEqual(['{"b":1,"a":[1.5,"é"]}', '"x\\ny"', 'null', '0'])
  })

  test('TSK-02 a refused item keeps its line, in the words of the relay', async () => {
    await start()
    const input = await cli.file('in.txt', `ok\n${'x'.repeat(64 * 1024 * 1024)}\nok\n`)
    const { code, out, err } = await cli.submit({ input, map: 'lines', json: true })
    expect(code).toBe(1)
    expect(out.map((line) => JSON.parse(line).status)).toEqual(['completed', 'failed', 'completed'])
    expect(JSON.parse(out[1]!).error).toEqual({
      kind: 'refused',
      message: 'Task payload exceeds 64 MB limit',
    })
    expect(err[1]).toBe('item 1 failed: refused: Task payload exceeds 64 MB limit')
  })

  test.each(['submit', 'map'])(
    'TSK-02 %s with an unknown type is an error of usage that lists the types, and submits nothing',
    async (command) => {
      await start()
      await cli.file('in.txt', 'a')
      const { code, stdout, err } = await cli.tabmesh([
        ...[command, '--type', 'alchemy', '--program', 'program.js', '--input', 'in.txt'],
      ])
      expect([code, stdout, err.length]).toEqual([2, '', 1])
      expect(err[0]).toMatch(/alchemy/)
      for (const type of ['text_processing', 'data_analysis', 'model_inference', 'javascript', 'wasi']) {
        expect(err[0]).toContain(type)
      }
      expect(cli.relay.submitted).toEqual([])
    },
  )

  test('TSK-14 the summary is the last line also when the relay stays away', async () => {
    await start()
    await cli.server.close()
    const input = await cli.file('in.txt', 'a\nb')
    const { code, stdout, err } = await cli.submit({ input, map: 'lines', json: true, wait: 1 })
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(err[0]).toMatch(/^the relay is away \(connection refused\); trying again for up to 1 s$/)
    expect(err[1]).toMatch(
      /^tabmesh: The relay at http:\/\/localhost:\d+ cannot be reached: connection refused\. Gave up after 1 s\.$/,
    )
    expect(JSON.parse(err.at(-1)!)).toMatchObject({ jobId: null, items: 2, completed: 0, failed: 0 })
  })

  test('TSK-13 a file without items is done at once', async () => {
    await start()
    const input = await cli.file('in.txt', '')
    const receipt = join(cli.folder, 'receipt.json')
    const { code, stdout, err } = await cli.submit({ input, map: 'lines', json: true, receipt })
    expect([code, stdout]).toEqual([0, ''])
    expect(JSON.parse(err.at(-1)!)).toMatchObject({ items: 0, completed: 0, failed: 0, executions: 0 })
  })
})

describe('WEB-08 submit', () => {
  test('WEB-08 prints one line per item: texts unquoted, all else as JSON', async () => {
    await start({ program: (_, item) => item })
    const input = await cli.file(
      'in.json',
      '["plain text", "\\"quoted\\"", "tab\\there", "two\\nlines", 1, {"a":[]}, null, ""]',
    )
    const { code, out, err } = await cli.submit({ input, map: 'json' })
    expect(code).toBe(0)
    expect(out).toEqual(['plain text', '"quoted"', 'tab\there', '"two\\nlines"', '1', '{"a":[]}', 'null', ''])
    expect(err.slice(1)).toEqual([
      expect.stringMatching(/^8 completed, 0 failed, 24 executions in [\d.]+ s$/),
    ])
  })

  test('WEB-08 an item that failed keeps its line', async () => {
    await start({ program: failsOnBad })
    const input = await cli.file('in.txt', 'a\nbad\nbad\nbad\nbad\nc')
    const { code, out, err } = await cli.submit({ input, map: 'lines' })
    expect(code).toBe(1)
    expect(out).toEqual(['a', ...Array(4).fill('failed: thrown: no such thing'), 'c'])
    expect(err.slice(1, 5)).toEqual([
      ...[1, 2, 3].map((item) => `item ${item} failed: thrown: no such thing`),
      'and 1 more item failed',
    ])
  })

  test('WEB-08 takes a whole file for one item', async () => {
    await start({ program: (_, item) => item })
    const text = await cli.submit({ input: await cli.file('story.txt', 'a\nb') })
    expect(text.out).toEqual(['"a\\nb"'])
    const json = await cli.submit({ input: await cli.file('data.json', '{"a": [1, 2]}') })
    expect(json.out).toEqual(['{"a":[1,2]}'])
  })

  test('WEB-08 maps the rows of a CSV file', async () => {
    await start({ program: (_, row) => (row as { city: string }).city })
    const input = await cli.file('in.csv', 'city,people\r\nOslo,700\r\n"Bergen, Norway",280\r\n')
    expect((await cli.submit({ input, map: 'csv' })).out).toEqual(['Oslo', 'Bergen, Norway'])
  })

  test('WEB-08 shows how far it is on a terminal, and nothing of it elsewhere', async () => {
    await start()
    const input = await cli.file('in.txt', 'a\nb\n')
    const watched = await cli.submit({ input, map: 'lines' }, { terminal: true })
    expect(watched.stderr).toContain('\r\u001b[K1 of 2 (50 %)')
    expect(watched.stderr.split('\r\u001b[K').at(-1)).toMatch(
      /^2 completed, 0 failed, 6 executions in [\d.]+ s\n$/,
    )
    const unwatched = await cli.submit({ input, map: 'lines' })
    expect(unwatched.stderr).not.toContain('\r')
  })

  test('WEB-08 says which workers are missing, and ends when asked to', async () => {
    await start({ workers: 1 })
    const input = await cli.file('in.txt', 'a')
    const stop = new AbortController()
    const heard: string[] = []
    const running = cli.submit({ input }, { stop: stop.signal, heard })
    await expect.poll(() => heard.join(''), { timeout: 5_000 }).toContain('waiting for 2 more workers')
    stop.abort()
    const { code, err } = await running
    expect(code).toBe(1)
    expect(err).toContain('waiting for 2 more workers')
    expect(err).toContain('tabmesh: cancelled by its submitter')
    expect((await cli.relay.status()).tasks.cancelled).toBe(1)
  })

  test('IDN-01 signs with the key of the data folder, made once', async () => {
    await start()
    const input = await cli.file('in.txt', 'a')
    await cli.submit({ input })
    const key = JSON.parse(await readFile(join(cli.folder, 'home/client/identity/key.json'), 'utf8'))
    await cli.submit({ input })
    expect(JSON.parse(await readFile(join(cli.folder, 'home/client/identity/key.json'), 'utf8'))).toEqual(key)
    expect((await stat(join(cli.folder, 'home/client'))).mode & 0o777).toBe(0o700)
  })

  test('TSK-02 runs a program that comes with the network, by its name', async () => {
    await start({ program: (program) => program.startsWith('\0asm') })
    const input = await cli.file('in.txt', 'a')
    for (const program of ['word_count', 'word-count']) {
      expect((await cli.submit({ input, program, type: 'text_processing' })).out).toEqual(['true'])
    }
  })
})

describe('WEB-08 submit tells the id of its job while it runs', () => {
  /** What was said on stderr when the job was under way and nothing of it had ended. */
  async function heardUnderWay(json: boolean): Promise<string> {
    await start({ workers: 1 })
    const input = await cli.file('in.txt', 'a')
    const stop = new AbortController()
    const heard: string[] = []
    const running = cli.submit({ input, json }, { stop: stop.signal, heard })
    await expect.poll(() => heard.join(''), { timeout: 5_000 }).toContain('waiting for')
    const said = heard.join('')
    stop.abort()
    await running
    return said
  }

  test('WEB-08 in a line for people', async () => {
    const said = await heardUnderWay(false)
    const [, jobId] = /^job ([0-9a-f-]{36}): follow it with {2}tabmesh watch \1$/m.exec(said)!
    expect((await cli.tabmesh(['cancel', jobId!])).out[0]).toMatch(/: 1 of 1 done/)
  })

  test('WEB-08 in a line for programs, and the summary is still the last one', async () => {
    const said = await heardUnderWay(true)
    const [line] = said.split('\n')
    expect(JSON.parse(line!)).toEqual({ jobId: expect.stringMatching(/^[0-9a-f-]{36}$/) })
    expect((await cli.tabmesh(['status', JSON.parse(line!).jobId])).code).toBe(0)
  })

  test('WEB-08 is no job of a relay where none of it was taken', async () => {
    await start()
    const { err } = await cli.submit({ input: await cli.file('in.txt', ''), map: 'lines' })
    expect(err).toHaveLength(1)
  })
})

describe('WEB-08 submit --receipt', () => {
  test('TSK-11 writes a receipt that holds, for results and errors alike', async () => {
    await start({ program: failsOnBad })
    const input = await cli.file('in.txt', 'a\nbad\nc')
    const receipt = join(cli.folder, 'receipt.json')
    const submitted = await cli.submit({ input, map: 'lines', receipt, json: true })
    expect(submitted.err).toContain(`receipt written to ${receipt}`)
    expect(JSON.parse(submitted.err.at(-1)!)).toMatchObject({ items: 3 })
    const verified = await cli.verify(receipt)
    expect(verified.code).toBe(0)
    expect(verified.stdout).toMatch(/^valid: 3 tasks, [23] workers, 1 operator, trust: none given\n$/)
  })

  test('TSK-11 says so when no quorum stands behind anything', async () => {
    await start()
    const input = await cli.file('in.txt', 'x'.repeat(64 * 1024 * 1024))
    const receipt = join(cli.folder, 'receipt.json')
    const { code, err } = await cli.submit({ input, receipt, json: true })
    expect(code).toBe(1)
    expect(err.at(-2)).toBe('no receipt: no item was taken')
    expect(JSON.parse(err.at(-1)!)).toMatchObject({ failed: 1 })
    await expect(stat(receipt)).rejects.toThrow('ENOENT')
  })

  test('TSK-11 refuses before any work a place where none can be written', async () => {
    await start()
    const input = await cli.file('in.txt', 'a')
    await mkdir(join(cli.folder, 'folder'))
    for (const receipt of ['/no/such/folder/r.json', join(cli.folder, 'folder'), `${input}/r.json`]) {
      await expect(cli.submit({ input, receipt })).rejects.toThrow(UsageError)
    }
    expect(cli.relay.submitted).toEqual([])
  })
})

describe('WEB-08 usage of submit', () => {
  test.each<[string, Record<string, string>, RegExp]>([
    [
      'an input that is not there',
      { input: '/no/such/file' },
      /The input \/no\/such\/file cannot be read \(no such file or directory\)/,
    ],
    ['a folder for an input', { input: '/' }, /The input \/ cannot be read \(it is a directory\)/],
    [
      'a program that is neither',
      { program: 'no_such' },
      /The program no_such cannot be read \(no such file or directory\), and it is no built-in program \(.*word_count/,
    ],
  ])('WEB-08 %s is an error of usage', async (_, options, message) => {
    await start()
    const input = await cli.file('in.txt', 'a')
    const failing = cli.submit({ input, ...options })
    await expect(failing).rejects.toThrow(UsageError)
    await expect(failing).rejects.toThrow(message)
  })

  test.each([
    ['csv', 'a,b\n1\n', /cannot be mapped: line 2: 1 fields where the first row names 2/],
    ['json', '{}', /cannot be mapped: not a JSON array/],
    ['lines', Uint8Array.of(0xff), /cannot be mapped: not UTF-8 text/],
  ] as const)('WEB-08 a file that is no %s is an error of usage', async (map, content, message) => {
    await start()
    const input = await cli.file('in', content)
    const failing = cli.submit({ input, map })
    await expect(failing).rejects.toThrow(UsageError)
    await expect(failing).rejects.toThrow(message)
  })

  test('WEB-08 an address that is none is refused', async () => {
    await start()
    const input = await cli.file('in.txt', 'a')
    await expect(cli.submit({ input, relay: 'localhost:8080' })).rejects.toThrow(
      /is not the address of a relay/,
    )
  })
})

test('WEB-08 a server that is no relay is told apart from one that is away', async () => {
  await start()
  const { createServer } = await import('node:http')
  const other = createServer((_, response) => response.end('<html>hello</html>'))
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as { port: number }
  const input = await cli.file('in.txt', 'a')
  const { code, err } = await cli.submit({ input, relay: `http://127.0.0.1:${port}` })
  other.close()
  expect(code).toBe(1)
  expect(err[0]).toBe(`tabmesh: What answers at http://127.0.0.1:${port} is not a Tabmesh relay`)
})
