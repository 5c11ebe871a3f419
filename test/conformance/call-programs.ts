import type { Limits } from '../../shared/task/task.ts'
import { wat } from '../runtime/wasi/wat-program.ts'

export interface TextProgram {
  readonly name: string
  readonly text: string
  readonly input?: string
  readonly limits?: Partial<Limits>
}

const print = (from: number, length: number): string =>
  `(call $print (i32.const ${from}) (i32.const ${length}))`
/** Calls, writes the errno, and then so much of what the call wrote from 64 on. */
const answer = (call: string, length: number): string =>
  wat(`(i32.store (i32.const 60) (call $${call})) ${print(60, length + 4)}`)

const seen = '(i32.const 64) (i32.const 128)'

/** What a program can learn of its surroundings: every byte of it is fixed. */
const surroundings: readonly TextProgram[] = [
  {
    name: 'arguments',
    text: wat(
      `(drop (call $args_sizes_get ${seen})) (drop (call $args_get (i32.const 72) (i32.const 100))) ${print(64, 80)}`,
    ),
  },
  {
    name: 'environment',
    text: wat(
      `(drop (call $environ_sizes_get ${seen})) (drop (call $environ_get (i32.const 72) (i32.const 100))) ${print(64, 80)}`,
    ),
  },
  ...[0, 1, 2, 3, 4].map((id) => ({
    name: `clock ${id}`,
    text: wat(`(i32.store (i32.const 60) (call $clock_time_get (i32.const ${id}) (i64.const 1) (i32.const 64)))
      (i32.store (i32.const 80) (call $clock_res_get (i32.const ${id}) (i32.const 84))) ${print(60, 40)}`),
  })),
  {
    name: 'randomness',
    text: wat(`(drop (call $random_get (i32.const 1024) (i32.const 60000))) ${print(1024, 60000)}`),
  },
  {
    name: 'randomness in pieces',
    text: wat(`(local $i i32) (loop (drop (call $random_get (i32.add (i32.const 1024) (local.get $i)) (i32.const 7)))
      (local.set $i (i32.add (local.get $i) (i32.const 7))) (br_if 0 (i32.lt_u (local.get $i) (i32.const 700)))) ${print(1024, 700)}`),
  },
  ...[0, 1, 2, 3, 99].map((fd) => ({
    name: `state of descriptor ${fd}`,
    text: answer(`fd_fdstat_get (i32.const ${fd}) (i32.const 64)`, 24),
  })),
  ...[0, 1, 3].map((fd) => ({
    name: `file behind descriptor ${fd}`,
    text: answer(`fd_filestat_get (i32.const ${fd}) (i32.const 64)`, 64),
  })),
  { name: 'folders opened ahead', text: answer('fd_prestat_get (i32.const 3) (i32.const 64)', 8) },
  {
    name: 'a file opened',
    text: answer(
      'path_open (i32.const 3) (i32.const 0) (i32.const 128) (i32.const 4) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 64)',
      4,
    ),
  },
  { name: 'a connection taken', text: answer('sock_accept (i32.const 3) (i32.const 0) (i32.const 64)', 4) },
  {
    name: 'an input rewound',
    text: answer('fd_seek (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 64)', 8),
    input: 'abc',
  },
  { name: 'a signal raised', text: answer('proc_raise (i32.const 9)', 0) },
  { name: 'a turn given away', text: answer('sched_yield ', 0) },
  {
    name: 'a wait for a minute',
    text: wat(`(i64.store (i32.const 128) (i64.const 77)) (i64.store (i32.const 152) (i64.const 60000000000))
      (i32.store (i32.const 60) (call $poll_oneoff (i32.const 128) (i32.const 64) (i32.const 1) (i32.const 112))) ${print(60, 56)}`),
  },
  {
    name: 'sizes of memory',
    text: wat(`(i32.store (i32.const 64) (memory.grow (i32.const 3))) (i32.store (i32.const 68) (memory.size))
    (i32.store (i32.const 72) (memory.grow (i32.const 0))) (i32.store (i32.const 76) (memory.grow (i32.const 1))) ${print(64, 16)}`),
  },
  {
    name: 'memory over its own maximum',
    text: wat(`(i32.store (i32.const 64) (memory.grow (i32.const 9))) ${print(64, 4)}`, '', '1 4'),
  },
  { name: 'fresh memory', text: wat(`(drop (memory.grow (i32.const 4))) ${print(65_536, 60_000)}`) },
]

const copy = wat(`(loop $more
  (i32.store (i32.const 16) (i32.const 1000)) (i32.store (i32.const 20) (i32.const 100))
  (drop (call $fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 24)))
  (call $print (i32.const 1000) (i32.load (i32.const 24)))
  (br_if $more (i32.load (i32.const 24))))`)

const integers = ['div_s', 'div_u', 'rem_s', 'rem_u', 'shl', 'shr_s', 'shr_u', 'rotl', 'rotr', 'mul']

const work: readonly TextProgram[] = [
  { name: 'input copied', text: copy, input: 'Zoë, 日本, 😀\n'.repeat(500) },
  { name: 'nothing copied', text: copy, input: '' },
  ...['i32', 'i64'].flatMap((type) =>
    integers.map((op) => ({
      name: `${type}.${op}`,
      text: wat(`(local $i i32) (local $x ${type})
        (local.set $x (${type}.const 0x9e3779b9))
        (loop
          (local.set $x (${type}.mul (${type}.add (local.get $x) (${type}.const 77)) (${type}.const 0x7f4a7c15)))
          (${type}.store (i32.add (i32.const 1024) (i32.shl (local.get $i) (i32.const 3)))
            (${type}.${op} (local.get $x) (${type}.or (${type}.const 1) (${type}.shr_u (local.get $x) (${type}.const 5)))))
          (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 500))))
        ${print(1024, 4000)}`),
    })),
  ),
  {
    name: 'a sum that depends on its order',
    text: wat(`(local $i i32) (local $s f64) (local $t f32)
      (loop
        (local.set $s (f64.add (local.get $s) (f64.div (f64.const 1) (f64.convert_i32_u (i32.add (local.get $i) (i32.const 1))))))
        (local.set $t (f32.add (local.get $t) (f32.sqrt (f32.convert_i32_u (local.get $i)))))
        (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100000))))
      (f64.store (i32.const 64) (local.get $s)) (f32.store (i32.const 72) (local.get $t)) ${print(64, 12)}`),
  },
  {
    name: 'calls by table',
    text: wat(
      `(local $i i32) (loop
        (i32.store (i32.add (i32.const 1024) (i32.shl (local.get $i) (i32.const 2)))
          (call_indirect (param i32) (result i32) (local.get $i) (i32.and (local.get $i) (i32.const 1))))
        (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 64)))) ${print(1024, 256)}`,
      `(table 2 funcref) (elem (i32.const 0) $even $odd)
      (func $even (param i32) (result i32) (i32.mul (local.get 0) (local.get 0)))
      (func $odd (param i32) (result i32) (i32.popcnt (local.get 0)))`,
    ),
  },
  {
    name: 'bytes moved over themselves',
    text: wat(`(memory.fill (i32.const 1024) (i32.const 7) (i32.const 100)) (memory.copy (i32.const 1050) (i32.const 1024) (i32.const 90))
      (i32.store8 (i32.const 1030) (i32.const 1)) (memory.copy (i32.const 1028) (i32.const 1030) (i32.const 90)) ${print(1024, 120)}`),
  },
]

const forever = '(loop (br 0))'
const down = '(func $down (call $down) (call $down))'
const exits = [0, 1, 2, 255, -1].map((code) => ({
  name: `exit code ${code}`,
  text: wat(`${print(0, 4)} (call $proc_exit (i32.const ${code})) unreachable`),
}))

const ends: readonly TextProgram[] = [
  ...exits,
  { name: 'unreachable', text: wat('unreachable') },
  { name: 'division by nothing', text: wat('(drop (i64.rem_u (i64.const 1) (i64.const 0)))') },
  { name: 'a float that is no integer', text: wat('(drop (i32.trunc_f64_s (f64.const nan)))') },
  { name: 'a load past the end', text: wat('(drop (i64.load (i32.const 65529)))') },
  { name: 'a fill past the end', text: wat('(memory.fill (i32.const 1) (i32.const 1) (i32.const -1))') },
  { name: 'a call of nothing', text: wat('(call_indirect (i32.const 0))', '(table 1 funcref)') },
  { name: 'an endless loop', text: wat(forever), limits: { fuel: 1_000_000 } },
  { name: 'an endless recursion', text: wat('(call $down)', down) },
  {
    name: 'an endless recursion by table',
    text: wat(
      '(call_indirect (i32.const 0))',
      '(table 1 funcref) (elem (i32.const 0) $f) (func $f (call_indirect (i32.const 0)) (call_indirect (i32.const 0)))',
    ),
  },
  { name: 'output without end', text: wat(`(loop ${print(0, 1000)} (br 0))`) },
  { name: 'log without end', text: wat(`(loop (call $log (i32.const 0) (i32.const 1000)) (br 0))`) },
  {
    name: 'memory without end',
    text: wat('(loop (drop (memory.grow (i32.const 1))) (br 0))'),
    limits: { memoryBytes: 2 ** 23 },
  },
  { name: 'memory to begin with', text: wat('', '', '200'), limits: { memoryBytes: 2 ** 23 } },
]

export const callPrograms: readonly TextProgram[] = [...surroundings, ...work, ...ends]
