import { fd_read, fd_write, proc_exit } from './wasi_snapshot_preview1'

const iovec = memory.data(8, 4)
const doneBytes = memory.data(4, 4)
const firstBytes: usize = 1 << 16
const bufferBytes: usize = 1 << 15
const buffer = memory.data(1 << 15)
let buffered: usize = 0

/** Where a run of bytes lies in memory; `end` is behind its last. */
@final
export class Span {
  constructor(
    readonly start: usize,
    readonly end: usize,
  ) {}
}

/** All of stdin. */
export function readInput(): Span {
  let capacity = firstBytes
  let start = heap.alloc(capacity)
  let length: usize = 0
  while (true) {
    if (length == capacity) {
      capacity += max(capacity >>> 1, firstBytes)
      start = heap.realloc(start, capacity)
    }
    store<usize>(iovec, start + length)
    store<usize>(iovec, capacity - length, 4)
    const errno = fd_read(0, iovec, 1, doneBytes)
    if (errno != 0) fail('the input cannot be read (error ' + errno.toString() + ')')
    const got = load<u32>(doneBytes)
    if (got == 0) break
    length += got
  }
  start = heap.realloc(start, max<usize>(length, 1))
  return new Span(start, start + length)
}

/** One byte of stdout. */
export function putByte(byte: u32): void {
  if (buffered == bufferBytes) flush()
  store<u8>(buffer + buffered, byte)
  buffered++
}

/** Characters of ASCII to stdout. */
export function putAscii(text: string): void {
  for (let i = 0, length = text.length; i < length; i++) putByte(text.charCodeAt(i))
}

/** Sends what stands in the buffer; a program does it once, at its end. */
export function flush(): void {
  writeAll(1, buffer, buffered)
  buffered = 0
}

/** Ends the program: the message goes to stderr, the exit code is 1, and no answer is given. */
export function fail(message: string): void {
  const text = String.UTF8.encode(message + '\n')
  writeAll(2, changetype<usize>(text), text.byteLength)
  proc_exit(1)
  unreachable()
}

function writeAll(fd: i32, from: usize, length: usize): void {
  let start = from
  const end = from + length
  while (start < end) {
    store<usize>(iovec, start)
    store<usize>(iovec, end - start, 4)
    // A host that takes no more decides the outcome itself.
    if (fd_write(fd, iovec, 1, doneBytes) != 0) proc_exit(1)
    start += load<u32>(doneBytes)
  }
}
