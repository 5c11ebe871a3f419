import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Limits } from '../../shared/task/task.ts'
import { type AttackEnd, attackScripts, short, small } from './attack-scripts.ts'
import { main } from './corpus-case.ts'
import { onnxCorpus } from './onnx/corpus.ts'
import { assemble, wat } from './wasi/wat-program.ts'

/*
 * Programs that are out for harm. Each ends under its own name on every host, or gives no verdict where only the clock
 * can end it; the host goes on with ordinary work after each.
 */

export interface AttackProgram {
  readonly name: string
  readonly program: Uint8Array
  readonly input: Uint8Array
  readonly limits: Partial<Limits>
  readonly end: AttackEnd
}

const fill = (character: string, length: number): Uint8Array =>
  new Uint8Array(length).fill(character.charCodeAt(0))
const utf8 = new TextEncoder()

/** Bytes that are no program, or only just. */
const bytes: readonly (readonly [string, Uint8Array, AttackEnd, Uint8Array?])[] = [
  ['one byte', fill('}', 1), 'invalidProgram'],
  ['a byte that is no text', Uint8Array.of(0xff), 'invalidProgram'],
  ['text cut in a letter', Uint8Array.of(...utf8.encode('export default () => "'), 0xc3), 'invalidProgram'],
  [
    'a surrogate as UTF-8',
    Uint8Array.of(...utf8.encode('export default () => "'), 0xed, 0xa0, 0x80, 0x22),
    'invalidProgram',
  ],
  [
    'an input that is no text',
    utf8.encode('export default (x) => x'),
    'notJson',
    Uint8Array.of(0x22, 0xfe, 0x22),
  ],
  ['50 MB of text', fill('/', 5e7), 'invalidProgram'],
  ['5 MB of brackets', fill('(', 5e6), 'stack'],
  ['the beginning of a module', Uint8Array.of(0, 0x61, 0x73, 0x6d), 'invalidProgram'],
  ['50 MB behind the header of a module', moduleOf(fill('\0', 5e7)), 'invalidProgram'],
  ['a module of 50 MB with nothing to do', moduleOf(custom(5e7)), 'invalidProgram'],
  [
    'a module that says it has 2^32 - 1 functions',
    moduleOf(Uint8Array.of(3, 5, 0xff, 0xff, 0xff, 0xff, 0x0f)),
    'invalidProgram',
  ],
  [
    'a module that says it has a table of 2^32 - 1',
    moduleOf(Uint8Array.of(4, 8, 1, 0x70, 0, 0xff, 0xff, 0xff, 0xff, 0x0f)),
    'invalidProgram',
  ],
  [
    'a module that says a function has 2^32 - 1 variables',
    moduleOf(
      Uint8Array.of(
        1,
        4,
        1,
        0x60,
        0,
        0,
        3,
        2,
        1,
        0,
        10,
        10,
        1,
        8,
        1,
        0xff,
        0xff,
        0xff,
        0xff,
        0x0f,
        0x7f,
        0x0b,
      ),
    ),
    'invalidProgram',
  ],
  ['one byte of a model', Uint8Array.of(8), 'invalidProgram'],
  ['a model of zeros', Uint8Array.of(8, ...new Uint8Array(999)), 'invalidProgram'],
  [
    'a model whose length is a lie',
    Uint8Array.of(8, 8, 0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f),
    'invalidProgram',
  ],
]

function moduleOf(rest: Uint8Array): Uint8Array {
  return joined(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0), rest)
}

/** A custom section of so many bytes. */
function custom(length: number): Uint8Array {
  const size: number[] = []
  for (let n = length + 2; size.length < 5; n = Math.floor(n / 128))
    size.push((n % 128) | (size.length < 4 ? 0x80 : 0))
  return joined(Uint8Array.of(0, ...size, 1, 0x78), new Uint8Array(length))
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const whole = new Uint8Array(head.length + tail.length)
  whole.set(head)
  whole.set(tail, head.length)
  return whole
}

const loop = (body: string): string => `(loop ${body} (br 0))`
const call = (name: string, ...parameters: readonly (number | string)[]): string =>
  `(drop (call $${name} ${parameters.map((value) => (typeof value === 'number' ? `(i32.const ${value})` : value)).join(' ')}))`

/** `_start` of a module, and what stands beside it. */
const modules: readonly (readonly [string, string, AttackEnd, more?: string, limits?: Partial<Limits>])[] = [
  ['endless loop', loop(''), 'fuel', '', small],
  ['endless loop with all the fuel there is', loop(''), 'killed', '', short],
  [
    'endless calls by table',
    '(call_indirect (i32.const 0))',
    'stack',
    '(table 1 funcref) (elem (i32.const 0) $f) (func $f (call_indirect (i32.const 0)) (call_indirect (i32.const 0)))',
    small,
  ],
  [
    'endless recursion with many variables',
    '(call $f)',
    'stack',
    `(func $f (local ${'i64 '.repeat(1_000)}) (call $f) (call $f))`,
    small,
  ],
  [
    'endless recursion with many parameters',
    `(call $f ${'(i64.const 1)'.repeat(100)})`,
    'stack',
    `(func $f (param ${'i64 '.repeat(100)}) (call $f ${Array.from({ length: 100 }, (_, i) => `(local.get ${i})`).join(' ')}) (call $f ${'(i64.const 1)'.repeat(100)}))`,
    small,
  ],
  [
    'memory that grows without end',
    loop('(drop (memory.grow (i32.const 1)))'),
    'memory',
    '',
    { ...small, fuel: 1e9 },
  ],
  ['memory of 4 GiB at once', '(drop (memory.grow (i32.const 65535)))', 'memory', '', small],
  [
    'memory filled to 2 GiB',
    '(memory.fill (i32.const 0) (i32.const 1) (i32.const 0x7fffffff))',
    'fuel',
    '',
    small,
  ],
  [
    'memory copied to 2 GiB',
    '(memory.copy (i32.const 0) (i32.const 1) (i32.const 0x7fffffff))',
    'fuel',
    '',
    small,
  ],
  [
    'memory filled past its end',
    '(memory.fill (i32.const 0) (i32.const 1) (i32.const 100000))',
    'trap',
    '',
    small,
  ],
  ['output without end', loop('(call $print (i32.const 0) (i32.const 60000))'), 'output', '', { fuel: 1e9 }],
  ['output of nothing without end', loop('(call $print (i32.const 0) (i32.const 0))'), 'fuel', '', small],
  ['log without end', loop('(call $log (i32.const 0) (i32.const 60000))'), 'log', '', { fuel: 1e9 }],
  ['4 billion buffers', `${call('fd_write', 1, 0, -1, 8)} unreachable`, 'trap', '', small],
  [
    'buffers that lie on one another',
    loop(call('fd_write', 2, 64, 1_000, 8)),
    'log',
    '(data (i32.const 64) "\\00\\00\\00\\00\\ff\\00\\00\\00")',
    small,
  ],
  ['a gigabyte of randomness', `${call('random_get', 0, 0x40000000)} unreachable`, 'trap', '', small],
  ['randomness without end', loop(call('random_get', 0, 65536)), 'fuel', '', small],
  ['descriptors without end', loop(call('fd_close', 3)), 'fuel', '', small],
  ['waiting without end', loop(call('poll_oneoff', 64, 128, 1, 192)), 'fuel', '', small],
  [
    'a million events to wait for',
    `${call('poll_oneoff', 0, 0, 1_000_000, 8)} unreachable`,
    'trap',
    '',
    small,
  ],
  ['exit 7', '(call $proc_exit (i32.const 7))', 'exit', '', small],
  [
    'exit from deep inside',
    '(call $f (i32.const 100))',
    'exit',
    '(func $f (param i32) (if (i32.eqz (local.get 0)) (then (call $proc_exit (i32.const 1)))) (call $f (i32.sub (local.get 0) (i32.const 1))))',
    small,
  ],
  ['trap', 'unreachable', 'trap', '', small],
  [
    'text that is none as output',
    '(call $print (i32.const 64) (i32.const 2))',
    'ok',
    '(data (i32.const 64) "\\c3\\28")',
    small,
  ],
  ['20,000 functions', '', 'ok', '(func)'.repeat(20_000), small],
  ['a table of 10 million', '', 'invalidProgram', '(table 10000001 funcref)', small],
  ['data of a megabyte', '', 'ok', `(data (i32.const 0) "${'x'.repeat(60_000)}")`.repeat(17), small],
]

async function hostileModels(): Promise<AttackProgram[]> {
  const penguins = await readFile(
    fileURLToPath(new URL('../../programs/onnx/penguins.onnx', import.meta.url)),
  )
  const row = utf8.encode('[[39.1,18.7,181,3750]]')
  const known: Readonly<Record<string, AttackEnd>> = {
    'a tensor of 1 GiB in 256 MiB': 'memory',
    'a loop without end': 'fuel',
    'an operator of no standard': 'invalidProgram',
    'a random operator': 'invalidProgram',
  }
  const fromCorpus = onnxCorpus.flatMap(({ name, program, input, limits = {} }) => {
    const end = known[name]
    const given = input instanceof Uint8Array ? input : utf8.encode(JSON.stringify(input))
    return end === undefined ? [] : [{ name: `model: ${name}`, program, input: given, limits, end }]
  })
  const model = (name: string, program: Uint8Array, input: Uint8Array, end: AttackEnd): AttackProgram => ({
    name: `model: ${name}`,
    program: new Uint8Array(program),
    input,
    limits: {},
    end,
  })
  return [
    ...fromCorpus,
    model('cut in half', penguins.subarray(0, penguins.length / 2), row, 'invalidProgram'),
    model('cut by a byte', penguins.subarray(0, -1), row, 'invalidProgram'),
    model('with a megabyte behind it', joined(penguins, new Uint8Array(1e6)), row, 'invalidProgram'),
    model('given another name', penguins, utf8.encode('{"nothing":[[1,2,3,4]]}'), 'thrown'),
    model('given another shape', penguins, utf8.encode('[[1,2,3]]'), 'thrown'),
    model('given no JSON', penguins, utf8.encode('['), 'notJson'),
  ]
}

export async function attackPrograms(): Promise<readonly AttackProgram[]> {
  const nothing = utf8.encode('null')
  const all: readonly AttackProgram[] = [
    ...attackScripts.map(([name, body, end, limits = {}]) => {
      return { name: `script: ${name}`, program: utf8.encode(main(body)), input: nothing, limits, end }
    }),
    ...bytes.map(([name, program, end, input = nothing]) => ({
      name: `bytes: ${name}`,
      program,
      input,
      limits: {},
      end,
    })),
    ...(await Promise.all(
      modules.map(async ([name, start, end, more = '', limits = {}]) => {
        const memory = name.startsWith('data') ? '17' : '1'
        return {
          name: `module: ${name}`,
          program: await assemble(wat(start, more, memory)),
          input: nothing,
          limits,
          end,
        }
      }),
    )),
    ...(await hostileModels()),
  ]
  // A machine with much else to do is slow, and only those that are to be killed by the clock may be.
  return all.map((attack) => ({ ...attack, limits: { maxDurationSeconds: 300, ...attack.limits } }))
}
