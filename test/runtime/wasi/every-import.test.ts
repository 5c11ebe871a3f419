import { expect, test } from 'vitest'
import { errno } from '../../../shared/runtime/wasi/errno.ts'
import type { WasiImport } from '../../../shared/runtime/wasm/wasi-imports.ts'
import { wasiImports } from '../../../shared/runtime/wasm/wasi-imports.ts'
import { compile, importOf, run } from './wat-program.ts'

const { success, badf, inval, nosys, notdir, notsock, notsup, spipe } = errno

/** Each function with the values it is called with, and its answer. The calls are made in this order. */
const calls: readonly (readonly [WasiImport, readonly number[], number])[] = [
  ['args_get', [0, 64], success],
  ['args_sizes_get', [0, 4], success],
  ['environ_get', [0, 64], success],
  ['environ_sizes_get', [0, 4], success],
  ['clock_res_get', [0, 0], success],
  ['clock_time_get', [1, 1, 0], success],
  ['fd_advise', [0, 0, 0, 0], success],
  ['fd_allocate', [1, 0, 64], spipe],
  ['fd_datasync', [1], success],
  ['fd_fdstat_get', [0, 0], success],
  ['fd_fdstat_set_flags', [1, 1], success],
  ['fd_fdstat_set_rights', [1, 0, 0], notsup],
  ['fd_filestat_get', [0, 0], success],
  ['fd_filestat_set_size', [1, 0], inval],
  ['fd_filestat_set_times', [1, 0, 0, 0], notsup],
  ['fd_pread', [0, 512, 1, 0, 0], success],
  ['fd_prestat_get', [3, 0], badf],
  ['fd_prestat_dir_name', [3, 0, 8], badf],
  ['fd_pwrite', [1, 512, 1, 0, 0], spipe],
  ['fd_read', [0, 512, 1, 0], success],
  ['fd_readdir', [0, 0, 64, 0, 64], notdir],
  ['fd_seek', [0, 0, 0, 0], success],
  ['fd_sync', [1], success],
  ['fd_tell', [0, 0], success],
  ['fd_write', [1, 512, 1, 0], success],
  ['path_create_directory', [3, 0, 1], badf],
  ['path_filestat_get', [3, 0, 0, 1, 0], badf],
  ['path_filestat_set_times', [3, 0, 0, 1, 0, 0, 0], badf],
  ['path_link', [3, 0, 0, 1, 3, 0, 1], badf],
  ['path_open', [3, 0, 0, 1, 0, 0, 0, 0, 0], badf],
  ['path_readlink', [0, 0, 1, 0, 64, 0], notdir],
  ['path_remove_directory', [0, 0, 1], notdir],
  ['path_rename', [0, 0, 1, 0, 0, 1], notdir],
  ['path_symlink', [0, 1, 0, 0, 1], notdir],
  ['path_unlink_file', [0, 0, 1], notdir],
  ['poll_oneoff', [1024, 2048, 1, 0], success],
  ['sched_yield', [], success],
  ['random_get', [0, 64], success],
  ['sock_accept', [0, 0, 0], notsock],
  ['sock_recv', [0, 512, 1, 0, 0, 0], notsock],
  ['sock_send', [1, 512, 1, 0, 0], notsock],
  ['sock_shutdown', [1, 3], notsock],
  ['proc_raise', [6], nosys],
  ['fd_renumber', [1, 1], success],
  ['fd_close', [0], success],
  ['proc_exit', [0], -1],
]

/** The answers are kept as bytes from 4096 on and printed before `proc_exit`. */
function program(): string {
  const made = calls.slice(0, -1).map(([name, values], i) => {
    const typed = values.map((value, k) => `(${wasiImports[name][k] === 'i' ? 'i32' : 'i64'}.const ${value})`)
    return `(i32.store8 (i32.const ${4_096 + i}) (call $${name} ${typed.join(' ')}))`
  })
  return `(module ${calls.map(([name]) => importOf(name)).join(' ')}
    (memory (export "memory") 1)
    (data (i32.const 512) "\\00\\20\\00\\00\\00\\00\\00\\00\\00\\10\\00\\00\\2d\\00\\00\\00")
    (func (export "_start") ${made.join('\n')}
      (drop (call $fd_write (i32.const 1) (i32.const 520) (i32.const 1) (i32.const 0)))
      (call $proc_exit (i32.const 0)) unreachable))`
}

test('SBX-02 all 46 functions of WASI preview 1 can be imported, and each gives its answer', async () => {
  expect(calls.map(([name]) => name).toSorted()).toEqual(Object.keys(wasiImports).toSorted())
  expect(calls.length).toBe(46)
  const result = run(await compile(program()))
  if (result.kind !== 'ok') throw new Error(`The run ended as ${JSON.stringify(result)}`)
  const answers = calls.slice(0, -1).map(([name], i) => [name, result.output[i]])
  expect(answers).toEqual(calls.slice(0, -1).map(([name, , answer]) => [name, answer]))
})
