import { describe, expect, test } from 'vitest'
import { errno } from '../../../shared/runtime/wasi/errno.ts'
import { GuestBench, memoryEnd } from './guest-bench.ts'

/** Each with values for its call on a descriptor; `undefined` stands where the descriptor goes. */
const refused: readonly {
  readonly name: string
  readonly values: readonly (number | bigint | undefined)[]
  /** On a descriptor that is open. */
  readonly open: number
}[] = [
  { name: 'fd_fdstat_set_rights', values: [undefined, 0n, 0n], open: errno.notsup },
  { name: 'fd_filestat_set_size', values: [undefined, 10n], open: errno.inval },
  { name: 'fd_filestat_set_times', values: [undefined, 0n, 0n, 0], open: errno.notsup },
  { name: 'fd_prestat_get', values: [undefined, 0], open: errno.notdir },
  { name: 'fd_prestat_dir_name', values: [undefined, 0, 8], open: errno.notdir },
  { name: 'fd_readdir', values: [undefined, 0, 64, 0n, 64], open: errno.notdir },
  { name: 'path_create_directory', values: [undefined, 0, 1], open: errno.notdir },
  { name: 'path_filestat_get', values: [undefined, 0, 0, 1, 8], open: errno.notdir },
  { name: 'path_filestat_set_times', values: [undefined, 0, 0, 1, 0n, 0n, 0], open: errno.notdir },
  { name: 'path_link', values: [undefined, 0, 0, 1, 0, 0, 1], open: errno.notdir },
  { name: 'path_open', values: [undefined, 0, 0, 1, 0, 0n, 0n, 0, 8], open: errno.notdir },
  { name: 'path_readlink', values: [undefined, 0, 1, 8, 8, 16], open: errno.notdir },
  { name: 'path_remove_directory', values: [undefined, 0, 1], open: errno.notdir },
  { name: 'path_rename', values: [undefined, 0, 1, 0, 0, 1], open: errno.notdir },
  { name: 'path_symlink', values: [0, 1, undefined, 0, 1], open: errno.notdir },
  { name: 'path_unlink_file', values: [undefined, 0, 1], open: errno.notdir },
  { name: 'sock_accept', values: [undefined, 0, 8], open: errno.notsock },
  { name: 'sock_recv', values: [undefined, 0, 1, 0, 8, 16], open: errno.notsock },
  { name: 'sock_send', values: [undefined, 0, 1, 0, 8], open: errno.notsock },
  { name: 'sock_shutdown', values: [undefined, 3], open: errno.notsock },
]

describe('SBX-01 no files, no sockets, no signals', () => {
  test.each(refused)(
    '$name is refused on every descriptor and touches no memory',
    ({ name, values, open }) => {
      const guest = new GuestBench({ input: 'abc' })
      const on = (fd: number) => guest.call(name, ...values.map((value) => value ?? fd))
      expect([0, 1, 2].map(on)).toEqual([open, open, open])
      expect([3, 4, -1].map(on)).toEqual([errno.badf, errno.badf, errno.badf])
      guest.call('fd_close', 1)
      expect(on(1)).toBe(errno.badf)
      expect(guest.bytes(0, memoryEnd).every((byte) => byte === 0)).toBe(true)
    },
  )

  test.each(refused)('$name answers the same when its pointers point nowhere', ({ name, values, open }) => {
    const guest = new GuestBench()
    const wild = values.map((value) => (typeof value === 'number' ? -1 : (value ?? 0)))
    expect(guest.call(name, ...wild)).toBe(open)
  })

  test('proc_raise knows no signal', () => {
    const guest = new GuestBench()
    expect([0, 6, 9, 255].map((signal) => guest.call('proc_raise', signal))).toEqual(
      Array(4).fill(errno.nosys),
    )
  })
})
