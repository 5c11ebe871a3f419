import type { Descriptor, Descriptors } from './descriptors.ts'
import type { Errno } from './errno.ts'
import { errno } from './errno.ts'
import type { GuestMemory } from './guest-memory.ts'
import type { Meter } from './meter.ts'
import { gather, readVectors, scatter } from './vectors.ts'

/** Types of files. A stream that is written to is none of those that are named, as a pipe is elsewhere. */
const filetype = { unknown: 0n, regularFile: 4n } as const

const right = {
  datasync: 1n << 0n,
  read: 1n << 1n,
  seek: 1n << 2n,
  setFlags: 1n << 3n,
  sync: 1n << 4n,
  tell: 1n << 5n,
  write: 1n << 6n,
  advise: 1n << 7n,
  filestat: 1n << 21n,
  poll: 1n << 27n,
} as const
const commonRights = right.datasync | right.sync | right.setFlags | right.filestat | right.poll
const inputRights = commonRights | right.read | right.seek | right.tell | right.advise
const outputRights = commonRights | right.write

/** APPEND, DSYNC, NONBLOCK, RSYNC and SYNC. */
const flagsAll = 0b1_1111
const adviceMax = 5
const positionMax = (1n << 63n) - 1n
const whenceSet = 0
const whenceCurrent = 1
const whenceEnd = 2

const fdstatBytes = 24
const filestatBytes = 64

/**
 * What a guest may do with its descriptors: 0 is the input, a regular file that can be read from any place; 1 and 2 are
 * output and log, which are only written to, at their end. There are no directories, so none is opened beforehand.
 *
 * Every pointer of a call is checked before anything is done: a call that returns an error has changed nothing.
 * `badf` is a descriptor that is not open, or not for this: reading what is written to, or the other way round.
 */
export function descriptorCalls(descriptors: Descriptors, memory: GuestMemory, meter: Meter) {
  return {
    ...transferCalls(descriptors, memory, meter),
    ...positionCalls(descriptors, memory),
    ...statusCalls(descriptors, memory),
  }
}

function transferCalls(descriptors: Descriptors, memory: GuestMemory, meter: Meter) {
  return {
    fd_read(fd: number, list: number, count: number, result: number): Errno {
      const stream = descriptors.get(fd)?.stream
      if (stream?.kind !== 'input') return errno.badf
      const vectors = readVectors(memory, meter, list, count, result)
      if (typeof vectors === 'number') return vectors
      stream.position += BigInt(scatter(memory, meter, vectors, stream.from(stream.position), result))
      return errno.success
    },
    /** `inval`: an offset of 2^63 or more. */
    fd_pread(fd: number, list: number, count: number, offset: bigint, result: number): Errno {
      const stream = descriptors.get(fd)?.stream
      if (stream?.kind !== 'input') return errno.badf
      if (offset < 0n) return errno.inval
      const vectors = readVectors(memory, meter, list, count, result)
      if (typeof vectors === 'number') return vectors
      scatter(memory, meter, vectors, stream.from(offset), result)
      return errno.success
    },
    fd_write(fd: number, list: number, count: number, result: number): Errno {
      const stream = descriptors.get(fd)?.stream
      if (stream?.kind !== 'output') return errno.badf
      const vectors = readVectors(memory, meter, list, count, result)
      if (typeof vectors === 'number') return vectors
      gather(memory, meter, vectors, (bytes) => stream.write(bytes), result)
      return errno.success
    },
    /** Output and log have no places to write to. */
    fd_pwrite(fd: number): Errno {
      return descriptors.get(fd)?.stream.kind === 'output' ? errno.spipe : errno.badf
    },
  }
}

function positionCalls(descriptors: Descriptors, memory: GuestMemory) {
  const place = (fd: number) => {
    const stream = descriptors.get(fd)?.stream
    if (stream === undefined) return errno.badf
    return stream.kind === 'input' ? stream : errno.spipe
  }
  return {
    /** `inval`: an unknown `whence` or a place before the beginning; `overflow`: one past 2^63 - 1. */
    fd_seek(fd: number, offset: bigint, whence: number, result: number): Errno {
      const stream = place(fd)
      if (typeof stream === 'number') return stream
      if (whence > whenceEnd) return errno.inval
      const bases = { [whenceSet]: 0n, [whenceCurrent]: stream.position, [whenceEnd]: BigInt(stream.size) }
      const position = bases[whence as keyof typeof bases] + offset
      if (position < 0n) return errno.inval
      if (position > positionMax) return errno.overflow
      if (!memory.holds(result, 8)) return errno.fault
      stream.position = position
      memory.setU64(result, position)
      return errno.success
    },
    fd_tell(fd: number, result: number): Errno {
      const stream = place(fd)
      if (typeof stream === 'number') return stream
      if (!memory.holds(result, 8)) return errno.fault
      memory.setU64(result, stream.position)
      return errno.success
    },
    /** Changes nothing. `inval`: unknown advice, or an offset or length of 2^63 or more. */
    fd_advise(fd: number, offset: bigint, length: bigint, advice: number): Errno {
      const stream = place(fd)
      if (typeof stream === 'number') return stream
      return offset < 0n || length < 0n || advice > adviceMax ? errno.inval : errno.success
    },
    /** The input cannot be written to, and the others have no places. */
    fd_allocate(fd: number): Errno {
      return descriptors.get(fd)?.stream.kind === 'output' ? errno.spipe : errno.badf
    },
  }
}

function statusCalls(descriptors: Descriptors, memory: GuestMemory) {
  const whenOpen =
    (answer: Errno) =>
    (fd: number): Errno =>
      descriptors.get(fd) === undefined ? errno.badf : answer
  return {
    /** What was written stays written. */
    fd_close(fd: number): Errno {
      if (descriptors.get(fd) === undefined) return errno.badf
      descriptors.close(fd)
      return errno.success
    },
    /** Both must be open. */
    fd_renumber(from: number, to: number): Errno {
      if (descriptors.get(from) === undefined || descriptors.get(to) === undefined) return errno.badf
      descriptors.move(from, to)
      return errno.success
    },
    fd_datasync: whenOpen(errno.success),
    fd_sync: whenOpen(errno.success),
    fd_fdstat_get(fd: number, result: number): Errno {
      const descriptor = descriptors.get(fd)
      if (descriptor === undefined) return errno.badf
      if (!memory.holds(result, fdstatBytes)) return errno.fault
      memory.setU64(result, typeOf(descriptor) | (BigInt(descriptor.flags) << 16n))
      memory.setU64(result + 8, descriptor.stream.kind === 'input' ? inputRights : outputRights)
      memory.setU64(result + 16, 0n)
      return errno.success
    },
    /** Kept and given back, without effect. `inval`: an unknown flag. */
    fd_fdstat_set_flags(fd: number, flags: number): Errno {
      const descriptor = descriptors.get(fd)
      if (descriptor === undefined) return errno.badf
      if (flags > flagsAll) return errno.inval
      descriptor.flags = flags
      return errno.success
    },
    fd_fdstat_set_rights: whenOpen(errno.notsup),
    /** Times and device are 0. The output's and log's size is 0 whatever was written. */
    fd_filestat_get(fd: number, result: number): Errno {
      const descriptor = descriptors.get(fd)
      if (descriptor === undefined) return errno.badf
      if (!memory.holds(result, filestatBytes)) return errno.fault
      const { stream, inode } = descriptor
      const size = stream.kind === 'input' ? BigInt(stream.size) : 0n
      const fields = [0n, inode, typeOf(descriptor), 1n, size, 0n, 0n, 0n]
      for (const [i, field] of fields.entries()) memory.setU64(result + 8 * i, field)
      return errno.success
    },
    fd_filestat_set_size: whenOpen(errno.inval),
    fd_filestat_set_times: whenOpen(errno.notsup),
    fd_prestat_get: whenOpen(errno.notdir),
    fd_prestat_dir_name: whenOpen(errno.notdir),
    fd_readdir: whenOpen(errno.notdir),
  }
}

function typeOf({ stream }: Descriptor): bigint {
  return stream.kind === 'input' ? filetype.regularFile : filetype.unknown
}
