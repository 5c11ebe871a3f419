import { describe, expect, test } from 'vitest'
import { fuelPerBuffer, fuelPerCall } from '../../../shared/runtime/wasi/meter.ts'
import { compileWasi, runWasi, type WasiProgram } from '../../../shared/runtime/wasi/wasi-runtime.ts'
import type { WasiImport } from '../../../shared/runtime/wasm/wasi-imports.ts'
import { defaultLimits } from '../../../shared/task/task.ts'
import { seed } from './guest-bench.ts'
import { assemble, brief, compile, outcomeOf, run, wat } from './wat-program.ts'

const exit = (code: number) => `(call $proc_exit (i32.const ${code}))`
const hello = '(data (i32.const 64) "hello, world")'
const sayHello = '(call $print (i32.const 64) (i32.const 12))'
const forever = '(loop (br 0))'

/** Copies its input to its output through a buffer of 100 bytes. */
const copy = wat(
  `(loop $more
    (i32.store (i32.const 16) (i32.const 1000)) (i32.store (i32.const 20) (i32.const 100))
    (drop (call $fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 24)))
    (call $print (i32.const 1000) (i32.load (i32.const 24)))
    (br_if $more (i32.load (i32.const 24))))`,
)

describe('SBX-02 a program runs', () => {
  test('to its end, with what it wrote as its output', async () => {
    expect(await outcomeOf(wat(sayHello, hello))).toBe('ok hello, world')
    expect(await outcomeOf(wat(''))).toBe('ok ')
  })

  test('on its input', async () => {
    const text = 'one line after another\n'.repeat(1_000)
    expect(await outcomeOf(copy, { input: text })).toBe(`ok ${text}`)
    expect(await outcomeOf(copy, { input: '' })).toBe('ok ')
  })

  test('from its beginning each time, at the same cost', async () => {
    const program = await compile(
      wat(
        `(i32.store8 (i32.const 64) (i32.add (i32.load8_u (i32.const 64)) (i32.const 1)))
         (global.set $runs (i32.add (global.get $runs) (i32.const 1)))
         (i32.store8 (i32.const 65) (global.get $runs))
         (drop (memory.grow (i32.const 1))) (i32.store8 (i32.const 66) (memory.size))
         (call $print (i32.const 64) (i32.const 3))`,
        '(data (i32.const 64) "000") (global $runs (mut i32) (i32.const 48))',
      ),
    )
    const results = Array.from({ length: 3 }, () => run(program))
    expect(results.map(brief)).toEqual(Array(3).fill('ok 11\u0002'))
    expect(new Set(results.map((result) => 'fuelUsed' in result && result.fuelUsed)).size).toBe(1)
  })

  test('in a memory without a trace of the programs before it, however they ended', async () => {
    // Says whether there is anything but zeros from the first address to the last, and leaves something at both.
    const look = (then: string) =>
      wat(
        `(local $at i32) (local $found i32)
         (loop $more
           (local.set $found (i32.or (local.get $found) (i32.load8_u (local.get $at))))
           (br_if $more (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 65536))))
         (i32.store8 (i32.const 0) (i32.const 7)) (i32.store8 (i32.const 65535) (i32.const 7))
         (i32.store8 (i32.const 64) (i32.add (local.get $found) (i32.const 48)))
         (call $print (i32.const 64) (i32.const 1)) ${then}`,
      )
    const ends = ['', exit(0), exit(3), 'unreachable', '(loop (br 0))']
    const programs = await Promise.all(ends.map((end) => compile(look(end))))
    const outputs = [...programs, ...programs].map((program) => brief(run(program)))
    expect(outputs.filter((text) => text.startsWith('ok'))).toEqual(['ok 0', 'ok 0', 'ok 0', 'ok 0'])
    const outside = await compile(
      wat('', '(data (i32.const 64) "left behind") (data (i32.const 65530) "too long for it")'),
    )
    expect(brief(run(outside))).toBe('error trap')
    expect(brief(run(programs[0]!))).toBe('ok 0')
  })

  test('with the randomness of its seed', async () => {
    const program = await compile(
      wat(
        '(drop (call $random_get (i32.const 64) (i32.const 8))) (call $print (i32.const 64) (i32.const 8))',
      ),
    )
    const hex = (result: ReturnType<typeof run>) =>
      result.kind === 'ok' ? Buffer.from(result.output).toString('hex') : brief(result)
    expect(hex(run(program))).toBe('20d3076d729135a7')
    expect(hex(run(program))).toBe('20d3076d729135a7')
    expect(hex(run(program, { seed: 'a'.repeat(64) }))).not.toBe('20d3076d729135a7')
  })

  test('and finds its memory again after it grew', async () => {
    const start = `(drop (memory.grow (i32.const 1))) (drop (call $random_get (i32.const 65536) (i32.const 8)))
      (call $print (i32.const 65536) (i32.const 8))`
    const result = run(await compile(wat(start)))
    expect(result.kind === 'ok' && Buffer.from(result.output).toString('hex')).toBe('20d3076d729135a7')
  })

  test('and pays for its calls of the host', async () => {
    const yields = (count: number) => wat('(drop (call $sched_yield ))'.repeat(count))
    const used = async (text: string) => {
      const result = run(await compile(text))
      return 'fuelUsed' in result ? result.fuelUsed : Number.NaN
    }
    const [one, two] = [await used(yields(1)), await used(yields(2))]
    expect(two - one).toBeGreaterThanOrEqual(fuelPerCall)
    expect(two - one).toBeLessThan(fuelPerCall + 10)
    const [short, long] = [
      await used(wat('(call $print (i32.const 64) (i32.const 0))')),
      await used(wat('(call $print (i32.const 64) (i32.const 1000))')),
    ]
    expect(long - short).toBe(1_000)
    expect(short).toBeGreaterThan(fuelPerCall + fuelPerBuffer)
  })
})

describe('SBX-03 a program ends itself', () => {
  test('with proc_exit 0, wherever it is, as ok with its output so far', async () => {
    const deep = `(func $down (param i32) (if (i32.eqz (local.get 0)) (then ${exit(0)}))
      (call $down (i32.sub (local.get 0) (i32.const 1))) unreachable)`
    expect(await outcomeOf(wat(`${sayHello} (call $down (i32.const 20)) ${forever}`, hello + deep))).toBe(
      'ok hello, world',
    )
  })

  test('with any other code as an error, and its log tells why', async () => {
    const message = '(data (i32.const 64) "cannot\\1b[31m go\\00 on\\0a")'
    const program = await compile(wat(`(call $log (i32.const 64) (i32.const 19)) ${exit(3)}`, message))
    expect(run(program)).toEqual({
      kind: 'error',
      error: 'exit',
      message: 'The program ended with exit code 3. Its log ends with: cannot [31m go on',
      fuelUsed: expect.any(Number),
    })
    expect(await outcomeOf(wat(exit(-1)))).toBe('error exit')
  })

  test.each([
    ['unreachable', 'unreachable', ''],
    ['division by zero', '(drop (i32.div_s (i32.const 1) (i32.const 0)))', ''],
    ['overflow of a division', '(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))', ''],
    ['a load past the end of memory', '(drop (i32.load (i32.const 65533)))', ''],
    ['a store at 2^32 - 1', '(i32.store (i32.const -1) (i32.const 1))', ''],
    ['a fill past the end', '(memory.fill (i32.const 65535) (i32.const 1) (i32.const 2))', ''],
    ['a call of nothing', '(call_indirect (i32.const 0))', '(table 1 funcref)'],
    [
      'a call of another type',
      '(drop (call_indirect (result i32) (i32.const 0)))',
      '(table 1 funcref) (elem (i32.const 0) $f) (func $f)',
    ],
    ['a float that is no integer', '(drop (i32.trunc_f64_s (f64.const nan)))', ''],
    ['data that do not fit into memory', '', '(data (i32.const 65530) "0123456789")'],
  ])('by a trap: %s', async (_name, start, more) => {
    expect(await outcomeOf(wat(sayHello + start, more))).toBe('error trap')
  })
})

const grow = (pages: number) => `(drop (memory.grow (i32.const ${pages})))`

describe('SBX-03 a limit ends the run under its own name', () => {
  test('fuel: an endless loop, of instructions or of calls', async () => {
    const limits = { fuel: 10_000_000 }
    expect(await outcomeOf(wat(sayHello + forever, hello), { limits })).toBe('error fuel')
    for (const call of ['sched_yield ', 'random_get (i32.const 0) (i32.const 65536)']) {
      expect(await outcomeOf(wat(`(loop (drop (call $${call})) (br 0))`), { limits })).toBe('error fuel')
    }
    const result = run(await compile(wat(forever)), { limits })
    expect(result).toMatchObject({
      message: 'The program used up its fuel of 10000000',
      fuelUsed: 10_000_000,
    })
  })

  test('fuel: exactly what a run needs is enough, one less is not', async () => {
    const program = await compile(wat(sayHello, hello))
    const result = run(program)
    const fuel = result.kind === 'ok' ? result.fuelUsed : 0
    expect(brief(run(program, { limits: { fuel } }))).toBe('ok hello, world')
    expect(brief(run(program, { limits: { fuel: fuel - 1 } }))).toBe('error fuel')
    expect(brief(run(program, { limits: { fuel: 1 } }))).toBe('error fuel')
    expect(brief(run(program, { limits: { fuel: 0 } }))).toBe('error fuel')
  })

  test('memory: a program that starts with too much does not start', async () => {
    const program = await compile(wat(sayHello, hello, '17'))
    expect(run(program, { limits: { memoryBytes: 17 * 65_536 - 1 } })).toEqual({
      kind: 'error',
      error: 'memory',
      message: 'The program needs more memory than its 1114111 bytes',
      fuelUsed: 0,
    })
    expect(brief(run(program, { limits: { memoryBytes: 17 * 65_536 } }))).toBe('ok hello, world')
  })

  test('memory: asked for too much, whatever comes after', async () => {
    const limits = { memoryBytes: 20 * 65_536, fuel: 1_000_000 }
    expect(await outcomeOf(wat(grow(19) + sayHello, hello), { limits })).toBe('ok hello, world')
    expect(await outcomeOf(wat(grow(20) + sayHello, hello), { limits })).toBe('error memory')
    expect(await outcomeOf(wat(grow(20) + exit(0)), { limits })).toBe('error memory')
    expect(await outcomeOf(wat(grow(20) + exit(1)), { limits })).toBe('error memory')
    expect(await outcomeOf(wat(`${grow(20)} unreachable`), { limits })).toBe('error memory')
    expect(await outcomeOf(wat(grow(20) + forever), { limits })).toBe('error memory')
  })

  test('stack: endless recursion', async () => {
    const down = '(func $down (call $down) (call $down))'
    expect(await outcomeOf(wat('(call $down)', down))).toBe('error stack')
    const result = run(await compile(wat('(call $down)', down)))
    expect(result).toMatchObject({ message: 'The program recursed deeper than its stack of 65536 bytes' })
  })

  test('stack: more of it goes deeper, up to 64 KiB', async () => {
    const program = await compile(
      wat(
        `(call $down)`,
        `(func $down (i32.store (i32.const 32) (i32.add (i32.load (i32.const 32)) (i32.const 1)))
          (drop (call $random_get (i32.const 64) (i32.const 1))) (call $down) (call $down))`,
      ),
    )
    const used = (stackBytes: number) => {
      const result = run(program, { limits: { stackBytes } })
      expect(brief(result)).toBe('error stack')
      return result.kind === 'error' ? result.fuelUsed : 0
    }
    expect(used(32 * 1024)).toBeGreaterThan(1.9 * used(16 * 1024))
    expect(used(64 * 1024)).toBeGreaterThan(1.9 * used(32 * 1024))
    expect(used(1024 * 1024)).toBe(used(64 * 1024))
  })

  test.each([
    ['output', '$print', { outputBytes: 24 }],
    ['log', '$log', { logBytes: 24 }],
  ] as const)('%s: the byte too many, whatever comes after', async (name, print, limit) => {
    const limits = { ...limit, fuel: 1_000_000 }
    const write = `(call ${print} (i32.const 64) (i32.const 12))`
    const one = `(call ${print} (i32.const 64) (i32.const 1))`
    const ok = name === 'output' ? 'ok hello, worldhello, world' : 'ok '
    expect(await outcomeOf(wat(write + write, hello), { limits })).toBe(ok)
    for (const after of ['', exit(0), exit(1), 'unreachable', forever, grow(30_000)]) {
      expect(await outcomeOf(wat(write + write + one + after, hello), { limits })).toBe(`error ${name}`)
    }
  })

  test('output: none at all can be asked for', async () => {
    const limits = { outputBytes: 0, logBytes: 0 }
    expect(await outcomeOf(wat(''), { limits })).toBe('ok ')
    expect(await outcomeOf(wat('(call $print (i32.const 64) (i32.const 0))'), { limits })).toBe('ok ')
    expect(await outcomeOf(wat('(call $print (i32.const 64) (i32.const 1))'), { limits })).toBe(
      'error output',
    )
    expect(await outcomeOf(wat('(call $log (i32.const 64) (i32.const 1))'), { limits })).toBe('error log')
  })

  test('fuel comes before output where one call is over both', async () => {
    const limits = { outputBytes: 100, fuel: 10_000 }
    expect(await outcomeOf(wat('(call $print (i32.const 64) (i32.const 20000))'), { limits })).toBe(
      'error fuel',
    )
  })

  test('and the next run on the same program is as if nothing had been', async () => {
    const program = await compile(
      wat(
        `${sayHello} (if (i32.eq (call $first) (i32.const 120)) (then ${forever}))`,
        `${hello}
        (func $first (result i32)
          (i32.store (i32.const 16) (i32.const 1000)) (i32.store (i32.const 20) (i32.const 1))
          (drop (call $fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 24)))
          (i32.load8_u (i32.const 1000)))`,
      ),
    )
    const limits = { fuel: 1_000_000 }
    for (let i = 0; i < 3; i++) {
      expect(brief(run(program, { input: 'x', limits }))).toBe('error fuel')
      expect(brief(run(program, { input: 'y', limits }))).toBe('ok hello, world')
    }
  })
})

/** As if it were prepared. */
async function taken(bytes: Uint8Array): Promise<WasiProgram> {
  const module = await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>)
  const imports = WebAssembly.Module.imports(module).map(({ name }) => name as WasiImport)
  return { module, imports, memoryPagesMin: 1, memoryPagesMax: 1 }
}

/** Exports what a prepared module does, without being prepared. */
const unprepared = async (start: string, memory = '1') => {
  const globals = [
    '(global (export "fuel") (mut i64) (i64.const 0))',
    '(global (export "callBudget") (mut i32) (i32.const 0))',
    '(global (export "pagesMax") (mut i32) (i32.const 0))',
    '(global $memoryHit (export "memoryHit") (mut i32) (i32.const 0))',
  ]
  const bytes = await assemble(wat(start, globals.join('\n'), memory))
  return await taken(bytes)
}

describe('SBX-02 what only this machine lacks is no verdict', () => {
  test('memory that the limits allow and the host has not', async () => {
    for (const after of ['', exit(0), exit(1), 'unreachable']) {
      const program = await unprepared(`(global.set $memoryHit (i32.const 2)) ${after}`)
      expect(run(program)).toMatchObject({ kind: 'none', reason: 'host' })
    }
  })

  test('stack that the budget allows and the host has not', async () => {
    const module = await assemble(`(module (func $down (export "_start") (call $down) (call $down))
      (memory (export "memory") 1)
      (global (export "fuel") (mut i64) (i64.const 0)) (global (export "callBudget") (mut i32) (i32.const 0))
      (global (export "pagesMax") (mut i32) (i32.const 0)) (global (export "memoryHit") (mut i32) (i32.const 0)))`)
    expect(run(await taken(module))).toMatchObject({ kind: 'none', reason: 'host' })
  })

  test('an import that is not there', async () => {
    const module = await assemble('(module (import "env" "f" (func)) (func (export "_start")))')
    const program = { ...(await taken(module)), imports: [] }
    const run = { input: new Uint8Array(0), seed, limits: defaultLimits }
    expect(runWasi(program, run)).toMatchObject({ kind: 'none', reason: 'host' })
  })
})

describe('SBX-02 compileWasi', () => {
  test('hands a refusal on', async () => {
    const refused = await compileWasi(
      await assemble('(module (import "env" "f" (func)) (func (export "_start")))'),
    )
    expect(refused).toMatchObject({
      kind: 'refused',
      offset: expect.any(Number),
      message: expect.any(String),
    })
  })

  test('refuses bytes that are no module', async () => {
    for (const length of [0, 1, 4, 8, 50]) {
      expect(await compileWasi(new Uint8Array(length))).toMatchObject({ kind: 'refused' })
    }
    expect(await compileWasi(Uint8Array.of(0, 0x61, 0x73, 0x6d))).toMatchObject({ kind: 'refused' })
  })
})
