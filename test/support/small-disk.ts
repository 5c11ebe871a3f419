import { execFileSync } from 'node:child_process'
import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeWith } from './servers/with-server.ts'

/** A disk of its own that is soon full. */
export class SmallDisk {
  readonly path: string
  readonly #filler: string

  private constructor(path: string) {
    this.path = path
    this.#filler = join(path, 'filler')
  }

  static mount(sizeBytes: number): SmallDisk {
    const path = mkdtempSync(join(tmpdir(), 'tabmesh-disk-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes},mode=700`, 'tmpfs', path])
    return new SmallDisk(path)
  }

  /** To the last byte, but for what is said. */
  fill(leftBytes = 0): void {
    const file = openSync(this.#filler, 'w')
    try {
      for (let bytes = 65_536; bytes >= 1; bytes = bytes === 1 ? 0 : bytes / 2) writeWhile(file, bytes)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    truncateSync(this.#filler, statSync(this.#filler).size - leftBytes)
  }

  empty(): void {
    rmSync(this.#filler, { force: true })
  }

  /** Nothing can be written any more, as when a file system finds a fault in itself. */
  makeReadOnly(): void {
    execFileSync('mount', ['-o', 'remount,ro', this.path])
  }

  unmount(): void {
    execFileSync('umount', ['-l', this.path])
    rmSync(this.path, { recursive: true })
  }
}

function writeWhile(file: number, bytes: number): void {
  try {
    for (;;) writeSync(file, Buffer.alloc(bytes, 1))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}

/** Tests that need one. Where none can be mounted the run says so, and continuous integration fails. */
export function describeOnSmallDisk(name: string, tests: () => void): void {
  describeWith(name, 'the right to mount a tmpfs', canMount() ? 'mount' : undefined, tests)
}

function canMount(): boolean {
  try {
    SmallDisk.mount(65_536).unmount()
    return true
  } catch {
    return false
  }
}
