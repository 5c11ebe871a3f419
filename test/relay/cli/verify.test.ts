import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { UsageError } from '../../../relay/cli/usage-error.ts'
import { GuestFault } from '../http/loopback-relay.ts'
import { newKey } from '../http/test-keys.ts'
import { type CliFixture, startCli } from './cli-fixture.ts'

let cli: CliFixture
let receipt: string
let text: string
/** What `submit` printed, with `--json` and without. */
let ndjson: string
let plain: string

const inputs = ['plain', 'two\nlines', '"quoted"', 'bad', 'é ünï', '', '7']
const program = (_: string, item: unknown) => {
  if (item === 'bad') throw new GuestFault('thrown', 'no')
  return item === '7' ? { seven: [7.5, null] } : item
}

beforeAll(async () => {
  cli = await startCli({ program })
  const input = await cli.file('in.json', JSON.stringify(inputs))
  receipt = join(cli.folder, 'receipt.json')
  const submitted = await cli.submit({ input, map: 'json', json: true, receipt })
  ndjson = await cli.file('out.ndjson', submitted.stdout)
  text = await readFile(receipt, 'utf8')
  // The same items again, printed plainly: its receipt is another, its outputs are the same.
  const second = join(cli.folder, 'second.json')
  plain = await cli.file('out.txt', (await cli.submit({ input, map: 'json', receipt: second })).stdout)
})
afterAll(() => cli.close())

describe('TSK-11 verify', () => {
  test('TSK-11 says what a receipt is worth', async () => {
    const { code, stdout, stderr } = await cli.verify(receipt)
    expect(stdout).toMatch(/^valid: 7 tasks, [23] workers, 1 operator, trust: none given\n$/)
    expect([code, stderr]).toEqual([0, ''])
  })

  test('TSK-11 says it in JSON', async () => {
    const { code, out } = await cli.verify(receipt, { json: true })
    expect(JSON.parse(out[0]!)).toEqual({
      ...{ valid: true, tasks: 7, workers: expect.any(Number), operators: 1, subnets: 1 },
      policies: [{ replicas: 3, quorum: 2, comparator: 'exact', tasks: 7, belowQuorum: 0, differing: 0 }],
      trust: 'none given',
    })
    expect([code, out.length]).toEqual([0, 1])
  })

  test('TSK-11 takes a receipt that was laid out anew', async () => {
    const pretty = await cli.file('pretty.json', `${JSON.stringify(JSON.parse(text), null, 2)}\n`)
    expect((await cli.verify(pretty)).code).toBe(0)
  })

  test('TSK-11 every byte of the file counts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.integer({ min: 1, max: 127 }), async (at, bits) => {
        const changed = Buffer.from(text)
        changed[at] = changed[at]! ^ bits
        const path = await cli.file('changed.json', changed)
        const { code, stdout } = await cli.verify(path)
        expect([code, stdout.slice(0, 9)]).toEqual([1, 'invalid: '])
      }),
      { numRuns: 300 },
    )
  })

  test.each<[string, string | Uint8Array, RegExp]>([
    ['empty', '', /not a JSON text/],
    ['cut short', '{"format":"tabmesh-receipt/1","networkId"', /not a JSON text/],
    ['no receipt', '{"a":1}', /receipt\.format: missing/],
    ['no JSON', 'hello', /not a JSON text/],
    ['no text', Uint8Array.of(0xff, 0xfe), /not UTF-8 text/],
    ['a list', '[]', /expected an object/],
  ])('TSK-11 a file that is %s is not valid', async (_, content, reason) => {
    const { code, stdout } = await cli.verify(await cli.file('bad.json', content))
    expect(code).toBe(1)
    expect(stdout).toMatch(reason)
    expect(stdout.startsWith('invalid: ')).toBe(true)
  })

  test.each([
    ['/no/such/receipt.json', 'no such file or directory'],
    ['/', 'it is a directory'],
  ])('TSK-11 a file that cannot be read is an error of usage, and no verdict: %s', async (path, why) => {
    const { code, stdout, err } = await cli.tabmesh(['verify', path])
    expect([code, stdout]).toEqual([2, ''])
    expect(err).toEqual([`tabmesh: The receipt ${path} cannot be read (${why})`])
  })
})

describe('TSK-11 verify --output', () => {
  const verifyLines = async (lines: string) => cli.verify(receipt, { output: await cli.file('lines', lines) })
  const changed = async (change: (lines: string[]) => void) => {
    const lines = (await readFile(ndjson, 'utf8')).trimEnd().split('\n')
    change(lines)
    return (await verifyLines(lines.map((line) => `${line}\n`).join(''))).stdout
  }

  test('TSK-11 the lines of submit --json are those of the receipt', async () => {
    expect((await cli.verify(receipt, { output: ndjson })).code).toBe(0)
  })

  test('TSK-11 the lines of submit are those of its receipt, quoted and unquoted ones', async () => {
    const { code, stdout } = await cli.verify(join(cli.folder, 'second.json'), { output: plain })
    expect([code, stdout.slice(0, 6)]).toEqual([0, 'valid:'])
    // Equal items have equal outputs: it is the outputs that a receipt holds, not the run.
    expect((await cli.verify(receipt, { output: plain })).code).toBe(0)
  })

  test.each<[string, (lines: string[]) => void, RegExp]>([
    ['another output', (l) => l.splice(0, 1, l[0]!.replace('plain', 'Plain')), /line 1: another outcome/],
    [
      'an output written in another way',
      (l) => l.splice(6, 1, l[6]!.replace('[7.5,null]', '[7.5, null]')),
      /line 7: another outcome/,
    ],
    [
      'an error for an output',
      (l) => l.splice(0, 1, l[0]!.replace(/"completed".*/, '"failed","error":{"kind":"fuel","message":""}}')),
      /line 1: another outcome/,
    ],
    [
      'an output for an error',
      (l) => l.splice(3, 1, l[3]!.replace(/"failed".*/, '"completed","output":1}')),
      /line 4: another outcome/,
    ],
    [
      'an end without a quorum for an output',
      (l) =>
        l.splice(0, 1, l[0]!.replace(/"completed".*/, '"failed","error":{"kind":"cancelled","message":""}}')),
      /line 1: another outcome/,
    ],
    ['another error', (l) => l.splice(3, 1, l[3]!.replace('"thrown"', '"fuel"')), /line 4: another outcome/],
    [
      'another index',
      (l) => l.splice(0, 1, l[0]!.replace('"index":0', '"index":9')),
      /line 1: another index/,
    ],
    ['another task', (l) => l.splice(0, 1, l[0]!.replace(/"taskId":"./, '"taskId":"x')), /line 1: /],
    [
      'two outputs swapped',
      (l) => l.splice(0, 2, swap(l[0]!, l[1]!), swap(l[1]!, l[0]!)),
      /line 1: another outcome/,
    ],
    [
      'a line twice',
      (l) => l.push(l[0]!),
      /line 8: the receipt has no task .*, or its line was there before/,
    ],
    ['a line less', (l) => l.pop(), /item 6 \(task [0-9a-f-]{36}\) is not in it/],
    ['an empty line', (l) => l.splice(1, 0, ''), /line 2: not a line of submit --json/],
    ['garbage', (l) => l.splice(1, 1, 'x'), /line 2: not a line of submit --json/],
  ])('TSK-11 %s is noticed', async (_, change, reason) => {
    expect(await changed(change)).toMatch(reason)
  })

  test.each<[string, (text: string) => string, RegExp]>([
    ['another output', (t) => t.replace('plain', 'Plain'), /line 1: another outcome/],
    ['a line less', (t) => t.replace('é ünï\n', ''), /line 5: another outcome/],
    ['the last line less', (t) => t.replace(/\{"seven".*\n/, ''), /item 6 .* is not in it/],
    ['a line more', (t) => `${t}more\n`, /line 8: the receipt has no item 7/],
    ['another error', (t) => t.replace('failed: thrown', 'failed: fuel'), /line 4: another outcome/],
    ['nothing at all', () => '', /line 1: another outcome/],
  ])('TSK-11 in plain lines %s is noticed', async (_, change, reason) => {
    const { code, stdout } = await verifyLines(change(await readFile(plain, 'utf8')))
    expect([code, stdout]).toEqual([1, expect.stringMatching(reason)])
  })

  test('TSK-11 the message of an error is not compared', async () => {
    expect(await changed((l) => l.splice(3, 1, l[3]!.replace('"no"', '"otherwise"')))).toMatch(/^valid/)
  })

  test('TSK-11 a file that is not there is an error of usage', async () => {
    await expect(cli.verify(receipt, { output: '/no/such' })).rejects.toThrow(UsageError)
  })
})

describe('TSK-11 verify --trust', () => {
  const trust = async (value: unknown) =>
    cli.verify(receipt, { trust: await cli.file('keys.json', JSON.stringify(value)) })

  test('TSK-11 holds voters against a list of keys', async () => {
    const keys = cli.relay.workers.map((worker) => worker.self)
    expect(await trust(keys)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('trust: list of 3 keys\n'),
    })
    const others = [(await newKey()).self]
    const refused = await trust(others)
    expect(refused.code).toBe(1)
    expect(refused.stdout).toMatch(/12D3KooW\w+ voted and is not in the list of trusted keys/)
  })

  test.each([[{}], ['x'], [['me']], [[1]], [null]])('TSK-11 %j is no list of keys', async (value) => {
    await expect(trust(value)).rejects.toThrow(/is not a JSON array of peer ids/)
  })
})

describe('TSK-11 verify --rerun', () => {
  /** Programs that do in the sandbox what the test's network did. */
  const same =
    "export default (x) => { if (x === 'bad') throw new Error('no'); return x === '7' ? { seven: [7.5, null] } : x }"
  let job: { receipt: string; program: string; input: string }

  beforeAll(async () => {
    const program = await cli.file('same.js', same)
    const input = await cli.file('in.json', JSON.stringify(inputs))
    job = { program, input, receipt: join(cli.folder, 'rerun.json') }
    await cli.submit({ input, program, map: 'json', receipt: job.receipt })
  })
  const rerun = (options: object = {}) =>
    cli.verify(job.receipt, { program: job.program, input: job.input, map: 'json', rerun: 3, ...options })

  test('TSK-11 runs random items here and comes to the same', async () => {
    expect(await rerun({ rerun: 100 })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^valid: 7 tasks/),
    })
  })

  test('TSK-11 finds out when the network was wrong', async () => {
    const wrongProgram = await cli.file('wrong.js', 'export default (x) => x.length')
    const path = join(cli.folder, 'lied.json')
    await cli.submit({ input: job.input, program: wrongProgram, map: 'json', receipt: path })
    const { code, stdout } = await cli.verify(path, {
      program: wrongProgram,
      input: job.input,
      map: 'json',
      rerun: 7,
    })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^invalid: run again here, task \d has another outcome\n$/)
  })

  test('TSK-11 refuses another program, and another input', async () => {
    const other = await cli.file('other.js', `${same} // v2`)
    expect((await rerun({ program: other })).stdout).toMatch(/^invalid: task \d ran another program than/)
    const input = await cli.file('other.json', JSON.stringify(inputs.map((item) => `${item}!`)))
    expect((await rerun({ input })).stdout).toMatch(/^invalid: task \d had another input/)
    await writeFile(input, '[]')
    expect((await rerun({ input })).stdout).toMatch(/had another input/)
  })

  test('TSK-11 needs the program and the input', async () => {
    await expect(cli.verify(receipt, { rerun: 1 })).rejects.toThrow('--rerun needs --program and --input')
  })
})

/** The line of `a` with the output of `b`. */
const swap = (a: string, b: string): string => a.replace(/"output":.*/, b.slice(b.indexOf('"output":')))
