import type { Descriptors } from './descriptors.ts'
import type { Errno } from './errno.ts'
import { errno } from './errno.ts'

/**
 * Files, sockets and signals, which there are none of. The answer is what a descriptor that is no directory and no socket
 * gets anywhere: `badf` when it is not open, `notdir` or `notsock` when it is. Nothing is read or written through their
 * pointers.
 */
export function refusedCalls(descriptors: Descriptors) {
  const notDirectory = (fd: number): Errno => (descriptors.get(fd) === undefined ? errno.badf : errno.notdir)
  const notSocket = (fd: number): Errno => (descriptors.get(fd) === undefined ? errno.badf : errno.notsock)
  return {
    path_create_directory: notDirectory,
    path_filestat_get: notDirectory,
    path_filestat_set_times: notDirectory,
    path_link: notDirectory,
    path_open: notDirectory,
    path_readlink: notDirectory,
    path_remove_directory: notDirectory,
    path_rename: notDirectory,
    path_symlink: (_path: number, _length: number, fd: number): Errno => notDirectory(fd),
    path_unlink_file: notDirectory,
    proc_raise: (): Errno => errno.nosys,
    sock_accept: notSocket,
    sock_recv: notSocket,
    sock_send: notSocket,
    sock_shutdown: notSocket,
  }
}
