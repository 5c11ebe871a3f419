import { beforeAll, describe, expect, test } from 'vitest'
import type { GuestRuntime } from '../../shared/runtime/guest-runtime.ts'
import { fuelPerPoll } from '../../shared/runtime/javascript.ts'
import type { RunResult } from '../../shared/runtime/program-runner.ts'
import type { Limits } from '../../shared/task/task.ts'
import { defaultLimits } from '../../shared/task/task.ts'
import { guestRuntime, runOf } from '../support/program-run.ts'
import { corpus, corpusSeed } from './corpus.ts'
import type { CorpusCase } from './corpus-case.ts'

const utf8 = new TextEncoder()
let runtime: GuestRuntime
beforeAll(async () => {
  runtime = await guestRuntime()
})

interface Options {
  readonly input?: unknown
  readonly limits?: Partial<Limits>
  readonly seed?: string
}

function runBytes(
  program: Uint8Array,
  input: Uint8Array,
  { limits, seed }: Options = {},
): Promise<RunResult> {
  return runtime.run(runOf(program, input, { seed: seed ?? corpusSeed, limits: limits ?? {} }))
}

function run(program: string, options: Options = {}): Promise<RunResult> {
  return runBytes(utf8.encode(program), utf8.encode(JSON.stringify(options.input ?? null)), options)
}

const runCase = ({ program, ...options }: CorpusCase): Promise<RunResult> => run(program, options)

const firstRuns = new Map<CorpusCase, Promise<{ result: RunResult; next: RunResult }>>()

/** The first run of a case, and that of an ordinary program right after it: done once for all who ask. */
function firstRun(entry: CorpusCase): Promise<{ result: RunResult; next: RunResult }> {
  const done =
    firstRuns.get(entry) ?? runCase(entry).then(async (result) => ({ result, next: await addOne() }))
  firstRuns.set(entry, done)
  return done
}

const addOne = (): Promise<RunResult> => run('export default (x) => x + 1', { input: 1 })

function brief(result: RunResult): string {
  return result.kind === 'ok'
    ? `ok ${new TextDecoder().decode(result.output)}`
    : `${result.kind} ${'error' in result ? result.error : result.reason}`
}

describe('SBX-03 outcomes', () => {
  test.each(corpus.filter(({ error }) => error !== undefined))(
    'ends as its own error: $name',
    async (entry) => {
      expect(brief((await firstRun(entry)).result)).toBe(`error ${entry.error}`)
    },
  )

  test.each(corpus.filter(({ ok }) => ok !== undefined))('gives its output: $name', async (entry) => {
    expect(brief((await firstRun(entry)).result)).toBe(`ok ${entry.ok}`)
  })
})

describe('SBX-02 determinism', () => {
  test.each(corpus)('same bytes and fuel on a cold and a warm engine: $name', async (entry) => {
    const { result: first } = await firstRun(entry)
    await run(
      'export default () => { const a = []; for (let i = 0; i < 2e4; i++) a.push({ i }); return a.length }',
    )
    await runtime.warmUp({ ...defaultLimits, ...entry.limits })
    expect(await runCase(entry)).toEqual(first)
  })

  test('another seed gives other random numbers, the same seed the same', async () => {
    const program = 'export default () => [Math.random(), Math.random()]'
    const [a, b, c] = [
      await run(program),
      await run(program),
      await run(program, { seed: `${'0'.repeat(63)}1` }),
    ]
    expect(brief(a)).toBe(brief(b))
    expect(brief(a)).not.toBe(brief(c))
  })

  test('every word of the seed counts', async () => {
    const seen = new Set<string>()
    for (let i = 0; i < 64; i++) {
      const seed = `${'0'.repeat(i)}1${'0'.repeat(63 - i)}`
      seen.add(brief(await run('export default () => Math.random()', { seed })))
    }
    // Words are folded in pairs: 256 bits of seed make 128 bits of state.
    expect(seen.size).toBe(32)
  })

  test('fuel is a matter of the program alone, not of the time it takes', async () => {
    const program = 'export default (n) => { for (let i = 0; i < n; i++); return 0 }'
    const fuel = async (n: number): Promise<number> => {
      const result = await run(program, { input: n })
      return 'fuelUsed' in result ? result.fuelUsed : Number.NaN
    }
    const [once, tenTimes] = [await fuel(1e6), await fuel(1e7)]
    expect(tenTimes / once).toBeGreaterThan(9)
    expect(tenTimes / once).toBeLessThan(11)
    expect(await fuel(1e6)).toBe(once)
    expect(once % fuelPerPoll).toBe(0)
  })
})

describe('programs and inputs as bytes', () => {
  test('refuses a WASI module that holds nothing', async () => {
    const result = await runBytes(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0), utf8.encode('1'))
    expect(result).toMatchObject({ kind: 'error', error: 'invalidProgram', fuelUsed: 0 })
    expect(result).toHaveProperty('message', expect.stringContaining('The module'))
  })

  test.each([
    ['not UTF-8', Uint8Array.of(0xff, 0xfe, 0x20)],
    ['an overlong sequence', Uint8Array.of(0x2f, 0x2f, 0xc0, 0xaf)],
    ['a NUL', utf8.encode('export default () => 1 //\0')],
  ])('refuses a program with %s', async (_name, program) => {
    expect(brief(await runBytes(program, utf8.encode('1')))).toBe('error invalidProgram')
  })

  test.each([
    ['nothing', new Uint8Array()],
    ['no JSON', utf8.encode('{a:1}')],
    ['bytes behind the value', utf8.encode('1 2')],
    ['a NUL behind the value', utf8.encode('1\0')],
    ['bytes that are not UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['deeper than the stack', utf8.encode('['.repeat(1e5) + ']'.repeat(1e5))],
  ])('refuses an input of %s', async (name, input) => {
    const result = await runBytes(utf8.encode('export default (x) => x'), input)
    expect(brief(result)).toBe(`error ${name.startsWith('deeper') ? 'stack' : 'notJson'}`)
  })

  test('passes an input of 1 MiB through unchanged', async () => {
    const text = 'aé日😀'.repeat(100_000)
    const result = await run('export default (x) => x', { input: text, limits: { outputBytes: 2 ** 21 } })
    expect(result.kind === 'ok' && new TextDecoder().decode(result.output)).toBe(JSON.stringify(text))
  })

  test('an output of exactly the limit is one', async () => {
    expect(brief(await run('export default () => "é"', { limits: { outputBytes: 4 } }))).toBe('ok "é"')
  })
})

describe('what an error says', () => {
  test('name, message and the line', async () => {
    const result = await run('\nexport default () => {\n  throw new RangeError("too far")\n}')
    expect(result).toMatchObject({ error: 'thrown', message: 'RangeError: too far (line 3, column 23)' })
    expect(result).toHaveProperty('stack', expect.stringContaining('program.js:3'))
  })

  test('is cut to what a result may carry', async () => {
    const result = await run(
      'export default () => { const e = new Error("m".repeat(5000)); e.stack = "s".repeat(9000); throw e }',
    )
    expect(result).toMatchObject({
      message: expect.stringMatching(/^Error: m{993}$/),
      stack: 's'.repeat(4000),
    })
  })

  test.each([
    ['5', '5'],
    ['"text"', 'text'],
    ['null', 'null'],
    ['undefined', 'undefined'],
    ['10n', '10'],
    ['{}', 'The program threw an object'],
    ['Symbol("s")', 'symbol'],
    ['{ get message() { throw 1 } }', 'The program threw an object'],
  ])('thrown %s says %s', async (thrown, message) => {
    expect(await run(`export default () => { throw ${thrown} }`)).toMatchObject({ error: 'thrown', message })
  })

  test('names the limit that was hit', async () => {
    const result = await run('export default () => { for (;;); }', { limits: { fuel: 1e6 } })
    expect(result).toMatchObject({ message: 'The program used up its fuel of 1000000', fuelUsed: 1e6 })
  })
})

describe('SBX-03 the first limit decides', () => {
  test.each([
    [
      'log',
      'for (;;) try { console.log("x".repeat(1000)) } catch { const f = () => f(); try { f() } catch {} }',
    ],
    ['stack', 'const f = () => f(); try { f() } catch {} for (;;);'],
    [
      'memory',
      'const a = []; for (;;) try { a.push(new Uint8Array(1e7)) } catch { for (;;) console.log(1) }',
    ],
  ])('%s', async (error, body) => {
    const limits = { fuel: 1e9, memoryBytes: 64 * 1024 * 1024 }
    expect(brief(await run(`export default () => { ${body} }`, { limits }))).toBe(`error ${error}`)
  })
})

test('SBX-03 after every kind of end the next run is an ordinary one', async () => {
  for (const entry of corpus.filter(({ error }) => error !== undefined)) {
    expect(brief((await firstRun(entry)).next), entry.name).toBe('ok 2')
  }
})

describe('a short program runs whatever the engine held before it', () => {
  test('with any seed', async () => {
    const program = 'export default (x) => x'
    for (const word of ['00000000', '0000ffff', '3fffffff', '80000001', '9abcdef0']) {
      const result = await run(program, { input: { b: 1 }, seed: word.repeat(8) })
      expect(brief(result), word).toBe('ok {"b":1}')
    }
  })

  test('and whatever control characters end it', async () => {
    const program = 'export default (x) => x //'
    for (const last of ['\u0003', '\u0006']) {
      for (let length = 80; length <= 92; length++) {
        const result = await run(program.padEnd(length - 1, '.') + last, { input: 1 })
        expect(brief(result), `${length} bytes`).toBe('ok 1')
      }
    }
  })
})

describe('a host that is short of something gives no verdict', () => {
  test('memory that the limit allows and the host has not', async () => {
    const { grow } = WebAssembly.Memory.prototype
    try {
      WebAssembly.Memory.prototype.grow = () => {
        throw new RangeError('out of memory')
      }
      const program = 'export default () => { try { new Uint8Array(1e8) } catch {} return 1 }'
      const memoryBytes = 200 * 1024 * 1024
      expect(await run(program, { limits: { memoryBytes } })).toMatchObject({ kind: 'none', reason: 'host' })
    } finally {
      WebAssembly.Memory.prototype.grow = grow
    }
  })
})
