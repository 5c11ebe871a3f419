import { describe, expect, test } from 'vitest'
import { errno } from '../../../shared/runtime/wasi/errno.ts'
import { fuelPerBuffer, fuelPerByte, fuelPerCall } from '../../../shared/runtime/wasi/meter.ts'
import { buffersMax } from '../../../shared/runtime/wasi/vectors.ts'
import { GuestBench, memoryEnd } from './guest-bench.ts'

const list = 1_024
const result = 2_048
const data = 4_096
const untouched = 0xdead_beef

/** A bench whose result field shows whether a call wrote to it. */
function bench(input = ''): GuestBench {
  const made = new GuestBench({ input })
  made.view.setUint32(result, untouched, true)
  return made
}

describe('SBX-03 fd_read', () => {
  test('reads the input piece by piece, then nothing', () => {
    const guest = bench('hello world')
    guest.list(list, [data, 4])
    const pieces: string[] = []
    for (let i = 0; i < 4; i++) {
      expect(guest.call('fd_read', 0, list, 1, result)).toBe(errno.success)
      pieces.push(guest.text(data, guest.u32(result)))
    }
    expect(pieces).toEqual(['hell', 'o wo', 'rld', ''])
  })

  test('fills several buffers in their order and leaves the rest of a short one as it was', () => {
    const guest = bench('abcdefg')
    guest.list(list, [data, 2], [data + 100, 0], [data + 200, 3], [data + 300, 50])
    guest.put(data + 300, '........')
    expect(guest.call('fd_read', 0, list, 4, result)).toBe(errno.success)
    expect(guest.u32(result)).toBe(7)
    expect([guest.text(data, 2), guest.text(data + 200, 3), guest.text(data + 300, 4)]).toEqual([
      'ab',
      'cde',
      'fg..',
    ])
  })

  test('lets the later of two overlapping buffers win', () => {
    const guest = bench('abcdefgh')
    guest.list(list, [data, 4], [data + 2, 4])
    expect(guest.call('fd_read', 0, list, 2, result)).toBe(errno.success)
    expect(guest.text(data, 6)).toBe('abefgh')
  })

  test('has read the list before a buffer overwrites it', () => {
    const guest = bench('ABCDEFGHIJKLMNOPabcd')
    guest.list(list, [list, 16], [data, 4])
    expect(guest.call('fd_read', 0, list, 2, result)).toBe(errno.success)
    expect([guest.text(list, 16), guest.text(data, 4)]).toEqual(['ABCDEFGHIJKLMNOP', 'abcd'])
  })

  test('writes the count last, over the bytes read', () => {
    const guest = bench('abcdefgh')
    guest.list(list, [data, 8])
    expect(guest.call('fd_read', 0, list, 1, data + 2)).toBe(errno.success)
    expect([...guest.bytes(data, 8)]).toEqual([97, 98, 8, 0, 0, 0, 103, 104])
  })

  test('takes addresses that are not aligned', () => {
    const guest = bench('xyz')
    guest.list(list + 1, [data + 3, 3])
    expect(guest.call('fd_read', 0, list + 1, 1, result + 3)).toBe(errno.success)
    expect([guest.text(data + 3, 3), guest.u32(result + 3)]).toEqual(['xyz', 3])
  })

  test('reads nothing into no buffer and into an empty one at the very end of memory', () => {
    const guest = bench('abc')
    expect(guest.call('fd_read', 0, memoryEnd, 0, result)).toBe(errno.success)
    expect(guest.u32(result)).toBe(0)
    guest.list(list, [memoryEnd, 0])
    expect(guest.call('fd_read', 0, list, 1, result)).toBe(errno.success)
    expect(guest.u32(result)).toBe(0)
  })

  test('fills a buffer that ends where memory ends, and finds memory again after it grew', () => {
    const guest = bench('abcdef')
    guest.list(list, [memoryEnd - 3, 3])
    expect(guest.call('fd_read', 0, list, 1, result)).toBe(errno.success)
    expect(guest.text(memoryEnd - 3, 3)).toBe('abc')
    guest.memory.grow(1)
    guest.list(list, [memoryEnd + 5, 3])
    expect(guest.call('fd_read', 0, list, 1, result)).toBe(errno.success)
    expect(guest.text(memoryEnd + 5, 3)).toBe('def')
  })
})

const badVectors: readonly {
  readonly name: string
  readonly buffers?: readonly (readonly [number, number])[]
  readonly address?: number
  readonly count?: number
  readonly result?: number
  readonly errno: number
}[] = [
  { name: 'a buffer one byte past the end', buffers: [[memoryEnd - 3, 4]], errno: errno.fault },
  { name: 'an empty buffer past the end', buffers: [[memoryEnd + 1, 0]], errno: errno.fault },
  { name: 'a length of 2^32 - 1', buffers: [[data, 0xffff_ffff]], errno: errno.fault },
  {
    name: 'address and length that would wrap around 2^32',
    buffers: [[0xffff_fff0, 0x20]],
    errno: errno.fault,
  },
  {
    name: 'a good buffer before a bad one',
    buffers: [
      [data, 2],
      [memoryEnd, 1],
    ],
    errno: errno.fault,
  },
  { name: 'a list past the end', address: memoryEnd - 7, count: 1, errno: errno.fault },
  { name: 'a list at 2^32 - 4', address: 0xffff_fffc, count: 1, errno: errno.fault },
  { name: 'an empty list past the end', address: memoryEnd + 1, count: 0, errno: errno.fault },
  { name: 'a count past the end', buffers: [[data, 1]], result: memoryEnd - 3, errno: errno.fault },
  { name: 'a count at 2^32 - 1', buffers: [[data, 1]], result: 0xffff_ffff, errno: errno.fault },
  { name: 'too many buffers', address: list, count: buffersMax + 1, errno: errno.inval },
  { name: '2^32 - 1 buffers', address: list, count: 0xffff_ffff, errno: errno.inval },
]

describe('SBX-03 buffers that are refused', () => {
  test.each(badVectors)('by fd_read, fd_pread and fd_write, without any effect: $name', (given) => {
    for (const [name, fd, extra] of [
      ['fd_read', 0, []],
      ['fd_pread', 0, [0n]],
      ['fd_write', 1, []],
    ] as const) {
      const guest = bench('abcdef')
      guest.list(list, ...(given.buffers ?? []))
      const before = guest.bytes(0, memoryEnd).slice()
      const count = given.count ?? given.buffers?.length ?? 0
      const at = given.result ?? result
      expect(guest.call(name, fd, given.address ?? list, count, ...extra, at)).toBe(given.errno)
      expect(guest.bytes(0, memoryEnd)).toEqual(before)
      expect(guest.output).toBe('')
      guest.list(list, [data, 10])
      guest.call('fd_read', 0, list, 1, result)
      expect(guest.text(data, guest.u32(result))).toBe('abcdef')
    }
  })

  test('takes as many buffers as are allowed', () => {
    const guest = bench()
    guest.put(data, 'x')
    guest.list(16_384, ...Array.from({ length: buffersMax }, () => [data, 1] as const))
    expect(guest.call('fd_write', 1, 16_384, buffersMax, result)).toBe(errno.success)
    expect(guest.output).toBe('x'.repeat(buffersMax))
  })
})

describe('SBX-03 many large buffers', () => {
  test('are paid for in full before a byte moves', () => {
    const guest = new GuestBench()
    guest.memory.grow(6)
    const whole = guest.memory.buffer.byteLength
    const buffers = Array.from({ length: buffersMax }, () => [0, whole] as const)
    expect(buffers.length * whole).toBeLessThan(2 ** 32)
    guest.list(list, ...buffers)
    guest.fuel.value = 1_000_000n
    expect(() => guest.call('fd_write', 1, list, buffersMax, result)).toThrow()
    expect([guest.host.meter.hit, guest.output]).toEqual(['fuel', ''])
  })

  test('are refused when the sum of their lengths is over 32 bits', () => {
    const guest = new GuestBench()
    guest.memory.grow(78)
    guest.list(list, ...Array.from({ length: buffersMax }, () => [0, 80 * 65_536] as const))
    expect(guest.call('fd_write', 1, list, buffersMax, result)).toBe(errno.inval)
    expect(guest.call('fd_read', 0, list, buffersMax, result)).toBe(errno.inval)
  })
})

describe('SBX-03 fd_write', () => {
  test('sends 1 to the output and 2 to the log, in the order of calls and buffers', () => {
    const guest = bench()
    guest.put(data, 'one two three')
    guest.list(list, [data, 4], [data + 8, 5], [data, 0])
    expect(guest.call('fd_write', 1, list, 3, result)).toBe(errno.success)
    expect(guest.u32(result)).toBe(9)
    guest.list(list, [data + 4, 3])
    expect(guest.call('fd_write', 2, list, 1, result)).toBe(errno.success)
    expect(guest.call('fd_write', 1, list, 1, result)).toBe(errno.success)
    expect([guest.output, guest.log]).toEqual(['one threetwo', 'two'])
  })

  test('writes overlapping buffers each in full', () => {
    const guest = bench()
    guest.put(data, 'abcdef')
    guest.list(list, [data, 4], [data + 2, 4])
    expect(guest.call('fd_write', 1, list, 2, result)).toBe(errno.success)
    expect(guest.output).toBe('abcdcdef')
  })

  test('takes the bytes before it writes the count over them', () => {
    const guest = bench()
    guest.put(data, 'abcdef')
    guest.list(list, [data, 6])
    expect(guest.call('fd_write', 1, list, 1, data)).toBe(errno.success)
    expect([guest.output, guest.u32(data)]).toEqual(['abcdef', 6])
  })

  test('keeps what was written when the guest changes its memory or closes the output', () => {
    const guest = bench()
    guest.put(data, 'abc')
    guest.list(list, [data, 3])
    guest.call('fd_write', 1, list, 1, result)
    guest.put(data, 'xyz')
    expect(guest.call('fd_close', 1)).toBe(errno.success)
    expect(guest.call('fd_write', 1, list, 1, result)).toBe(errno.badf)
    expect(guest.output).toBe('abc')
  })

  test('writes a lot in small pieces without losing any', () => {
    const guest = bench()
    guest.put(data, '0123456789')
    guest.list(list, [data, 10])
    for (let i = 0; i < 10_000; i++) guest.call('fd_write', 1, list, 1, result)
    expect(guest.output).toBe('0123456789'.repeat(10_000))
  })
})

describe('SBX-03 reading and writing cost fuel', () => {
  test('for each call, each buffer and each byte that moves', () => {
    const guest = bench('abcdef')
    guest.list(list, [data, 100], [data + 100, 100])
    const cost = (name: string, fd: number) => guest.cost(() => guest.call(name, fd, list, 2, result))
    expect(cost('fd_write', 1)).toBe(fuelPerCall + 2 * fuelPerBuffer + 200 * fuelPerByte)
    expect(cost('fd_read', 0)).toBe(fuelPerCall + 2 * fuelPerBuffer + 6 * fuelPerByte)
    expect(cost('fd_read', 0)).toBe(fuelPerCall + 2 * fuelPerBuffer)
    expect(cost('fd_read', 7)).toBe(fuelPerCall)
  })

  test('before a byte is read', () => {
    const guest = bench('abcdef')
    guest.list(list, [data, 6])
    guest.fuel.value = BigInt(fuelPerCall + fuelPerBuffer + 6 * fuelPerByte - 1)
    expect(() => guest.call('fd_read', 0, list, 1, result)).toThrow()
    expect([guest.host.meter.hit, guest.u32(data), guest.u32(result)]).toEqual(['fuel', 0, untouched])
  })
})

describe('SBX-03 fd_pread and fd_pwrite', () => {
  test('read from any place of the input without moving', () => {
    const guest = bench('abcdef')
    guest.list(list, [data, 3])
    expect(guest.call('fd_pread', 0, list, 1, 4n, result)).toBe(errno.success)
    expect([guest.u32(result), guest.text(data, 2)]).toEqual([2, 'ef'])
    expect(guest.call('fd_pread', 0, list, 1, 2n ** 63n - 1n, result)).toBe(errno.success)
    expect(guest.u32(result)).toBe(0)
    expect(guest.call('fd_tell', 0, result)).toBe(errno.success)
    expect(guest.u64(result)).toBe(0n)
  })

  test('refuse an offset of 2^63, and to write at a place', () => {
    const guest = bench('abcdef')
    guest.list(list, [data, 3])
    expect(guest.call('fd_pread', 0, list, 1, -1n, result)).toBe(errno.inval)
    expect(guest.call('fd_pwrite', 1, list, 1, 0n, result)).toBe(errno.spipe)
    expect(guest.call('fd_pwrite', 2, list, 1, 0n, result)).toBe(errno.spipe)
    expect(guest.call('fd_pwrite', 0, list, 1, 0n, result)).toBe(errno.badf)
    expect([guest.u32(result), guest.output, guest.log]).toEqual([untouched, '', ''])
  })
})

describe('SBX-03 fd_seek and fd_tell', () => {
  test('move in the input from its beginning, its place and its end, and past it', () => {
    const guest = bench('abcdef')
    const seek = (offset: bigint, whence: number) => {
      const answer = guest.call('fd_seek', 0, offset, whence, result)
      return answer === errno.success ? guest.u64(result) : -answer
    }
    expect(seek(4n, 0)).toBe(4n)
    expect(seek(-1n, 1)).toBe(3n)
    expect(seek(-6n, 2)).toBe(0n)
    expect(seek(100n, 2)).toBe(106n)
    guest.list(list, [data, 3])
    expect(guest.call('fd_read', 0, list, 1, result)).toBe(errno.success)
    expect(guest.u32(result)).toBe(0)
    expect(seek(2n ** 63n - 1n, 0)).toBe(2n ** 63n - 1n)
    expect(seek(1n, 1)).toBe(-errno.overflow)
    expect(seek(-1n, 0)).toBe(-errno.inval)
    expect(seek(-(2n ** 63n), 2)).toBe(-errno.inval)
    expect(seek(0n, 3)).toBe(-errno.inval)
    expect(seek(0n, 256)).toBe(-errno.inval)
    expect(seek(0n, 1)).toBe(2n ** 63n - 1n)
    expect(seek(3n, 0)).toBe(3n)
    guest.call('fd_read', 0, list, 1, result)
    expect(guest.text(data, guest.u32(result))).toBe('def')
  })

  test('do not move when the result has no place in memory', () => {
    const guest = bench('abcdef')
    expect(guest.call('fd_seek', 0, 4n, 0, memoryEnd - 7)).toBe(errno.fault)
    expect(guest.call('fd_tell', 0, memoryEnd - 7)).toBe(errno.fault)
    expect(guest.call('fd_tell', 0, memoryEnd - 8)).toBe(errno.success)
    expect(guest.u64(memoryEnd - 8)).toBe(0n)
  })

  test('find no place in output and log', () => {
    const guest = bench()
    for (const fd of [1, 2]) {
      expect(guest.call('fd_seek', fd, 0n, 1, result)).toBe(errno.spipe)
      expect(guest.call('fd_tell', fd, result)).toBe(errno.spipe)
      expect(guest.call('fd_advise', fd, 0n, 0n, 0)).toBe(errno.spipe)
      expect(guest.call('fd_allocate', fd, 0n, 0n)).toBe(errno.spipe)
    }
    expect(guest.call('fd_allocate', 0, 0n, 10n)).toBe(errno.badf)
  })

  test('fd_advise takes the advice that exists', () => {
    const guest = bench('abc')
    for (let advice = 0; advice <= 5; advice++)
      expect(guest.call('fd_advise', 0, 0n, 3n, advice)).toBe(errno.success)
    expect(guest.call('fd_advise', 0, 0n, 3n, 6)).toBe(errno.inval)
    expect(guest.call('fd_advise', 0, -1n, 3n, 0)).toBe(errno.inval)
    expect(guest.call('fd_advise', 0, 0n, -1n, 0)).toBe(errno.inval)
  })
})

describe('SBX-02 what a descriptor says of itself', () => {
  test('fd_fdstat_get: a regular file to read, two streams to write, none of them a terminal', () => {
    const guest = bench('abc')
    guest.bytes(data, 100).fill(0xff)
    const stat = (fd: number) => {
      expect(guest.call('fd_fdstat_get', fd, data)).toBe(errno.success)
      return [guest.u64(data), guest.u64(data + 8), guest.u64(data + 16)]
    }
    expect(stat(0)).toEqual([4n, 0x820_00bfn, 0n])
    expect(stat(1)).toEqual([0n, 0x820_0059n, 0n])
    expect(stat(2)).toEqual(stat(1))
    expect(guest.view.getUint8(data + 24)).toBe(0xff)
    expect(guest.call('fd_fdstat_get', 0, memoryEnd - 23)).toBe(errno.fault)
    expect(guest.call('fd_fdstat_get', 0, memoryEnd - 24)).toBe(errno.success)
  })

  test('fd_fdstat_set_flags keeps known flags and refuses others', () => {
    const guest = bench()
    expect(guest.call('fd_fdstat_set_flags', 1, 0b1_0101)).toBe(errno.success)
    guest.call('fd_fdstat_get', 1, data)
    expect(guest.view.getUint16(data + 2, true)).toBe(0b1_0101)
    expect(guest.call('fd_fdstat_set_flags', 1, 0b10_0000)).toBe(errno.inval)
    expect(guest.call('fd_fdstat_set_flags', 1, -1)).toBe(errno.inval)
    guest.call('fd_fdstat_get', 1, data)
    expect(guest.view.getUint16(data + 2, true)).toBe(0b1_0101)
  })

  test('fd_filestat_get: size of the input, no times, three different files', () => {
    const guest = bench('abcdef')
    const stat = (fd: number) => {
      guest.bytes(data, 64).fill(0xff)
      expect(guest.call('fd_filestat_get', fd, data)).toBe(errno.success)
      return Array.from({ length: 8 }, (_, i) => guest.u64(data + 8 * i))
    }
    expect(stat(0)).toEqual([0n, 1n, 4n, 1n, 6n, 0n, 0n, 0n])
    expect(stat(1)).toEqual([0n, 2n, 0n, 1n, 0n, 0n, 0n, 0n])
    expect(stat(2)).toEqual([0n, 3n, 0n, 1n, 0n, 0n, 0n, 0n])
    expect(guest.call('fd_filestat_get', 0, memoryEnd - 63)).toBe(errno.fault)
    expect(guest.call('fd_filestat_get', 0, memoryEnd - 64)).toBe(errno.success)
  })

  test('fd_sync and fd_datasync succeed where something is open', () => {
    const guest = bench()
    for (const name of ['fd_sync', 'fd_datasync']) {
      expect([0, 1, 2, 3].map((fd) => guest.call(name, fd))).toEqual([0, 0, 0, errno.badf])
    }
  })

  test('no directory is open beforehand: fd_prestat_get of 3 is a bad descriptor', () => {
    const guest = bench()
    expect(guest.call('fd_prestat_get', 3, data)).toBe(errno.badf)
    expect(guest.call('fd_prestat_get', 0, data)).toBe(errno.notdir)
    expect(guest.call('fd_prestat_dir_name', 3, data, 10)).toBe(errno.badf)
  })
})

describe('SBX-03 fd_close and fd_renumber', () => {
  test('close once, and everything asked of a closed descriptor is refused', () => {
    const guest = bench('abc')
    expect(guest.call('fd_close', 0)).toBe(errno.success)
    guest.list(list, [data, 3])
    expect(guest.call('fd_close', 0)).toBe(errno.badf)
    expect(guest.call('fd_read', 0, list, 1, result)).toBe(errno.badf)
    expect(guest.call('fd_fdstat_get', 0, data)).toBe(errno.badf)
    expect(guest.call('fd_renumber', 0, 1)).toBe(errno.badf)
  })

  test('move a stream to another number', () => {
    const guest = bench()
    expect(guest.call('fd_renumber', 1, 2)).toBe(errno.success)
    guest.put(data, 'abc')
    guest.list(list, [data, 3])
    expect(guest.call('fd_write', 2, list, 1, result)).toBe(errno.success)
    expect(guest.call('fd_write', 1, list, 1, result)).toBe(errno.badf)
    expect([guest.output, guest.log]).toEqual(['abc', ''])
  })

  test('leave a stream that is moved onto itself open, and open no other number', () => {
    const guest = bench('abc')
    expect(guest.call('fd_renumber', 0, 0)).toBe(errno.success)
    guest.list(list, [data, 3])
    expect(guest.call('fd_read', 0, list, 1, result)).toBe(errno.success)
    expect(guest.call('fd_renumber', 0, 3)).toBe(errno.badf)
    expect(guest.call('fd_renumber', 0, -1)).toBe(errno.badf)
    expect(guest.call('fd_renumber', 3, 0)).toBe(errno.badf)
  })

  test.each([3, 4, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])('know no descriptor %i', (fd) => {
    const guest = bench('abc')
    guest.list(list, [data, 3])
    expect(guest.call('fd_read', fd, list, 1, result)).toBe(errno.badf)
    expect(guest.call('fd_write', fd, list, 1, result)).toBe(errno.badf)
    expect(guest.call('fd_seek', fd, 0n, 0, result)).toBe(errno.badf)
    expect(guest.call('fd_close', fd)).toBe(errno.badf)
    expect(guest.u32(result)).toBe(untouched)
  })

  test('know no reading of what is written, and no writing of what is read', () => {
    const guest = bench('abc')
    guest.list(list, [data, 3])
    expect(guest.call('fd_read', 1, list, 1, result)).toBe(errno.badf)
    expect(guest.call('fd_pread', 2, list, 1, 0n, result)).toBe(errno.badf)
    expect(guest.call('fd_write', 0, list, 1, result)).toBe(errno.badf)
  })
})
