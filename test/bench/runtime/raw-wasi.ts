/**
 * The least of WASI that a program needs to read its input and write its output, without any care: what the sandbox is
 * measured against.
 */
export function runRaw(module: WebAssembly.Module, input: Uint8Array): Uint8Array {
  const host = new RawHost(input)
  const { exports } = new WebAssembly.Instance(module, { wasi_snapshot_preview1: host.imports })
  host.memory = exports['memory'] as WebAssembly.Memory
  try {
    ;(exports['_start'] as () => void)()
  } catch (error) {
    if (!(error instanceof Exit)) throw error
    if (error.code !== 0) throw new Error(`The program ended with exit code ${error.code}`)
  }
  return Buffer.concat(host.output)
}

class Exit extends Error {
  readonly code: number

  constructor(code: number) {
    super('exit')
    this.code = code
  }
}

const success = 0
const badDescriptor = 8
const characterDevice = 2

class RawHost {
  memory!: WebAssembly.Memory
  readonly output: Uint8Array[] = []
  readonly #input: Uint8Array
  #at = 0

  constructor(input: Uint8Array) {
    this.#input = input
  }

  readonly imports: WebAssembly.ModuleImports = {
    fd_read: (_fd: number, buffers: number, count: number, read: number) =>
      this.#eachBuffer(buffers, count, read, (buffer) => {
        const part = this.#input.subarray(this.#at, this.#at + buffer.length)
        buffer.set(part)
        this.#at += part.length
        return part.length
      }),
    fd_write: (fd: number, buffers: number, count: number, written: number) =>
      this.#eachBuffer(buffers, count, written, (buffer) => {
        if (fd === 1) this.output.push(buffer.slice())
        return buffer.length
      }),
    fd_fdstat_get: (_fd: number, at: number) => {
      new Uint8Array(this.memory.buffer).fill(0, at, at + 24)
      new DataView(this.memory.buffer).setUint8(at, characterDevice)
      return success
    },
    fd_seek: () => badDescriptor,
    fd_close: () => success,
    fd_prestat_get: () => badDescriptor,
    fd_prestat_dir_name: () => badDescriptor,
    args_sizes_get: (count: number, size: number) => this.#none(count, size),
    args_get: () => success,
    environ_sizes_get: (count: number, size: number) => this.#none(count, size),
    environ_get: () => success,
    random_get: () => success,
    proc_exit: (code: number) => {
      throw new Exit(code)
    },
  }

  #none(count: number, size: number): number {
    const view = new DataView(this.memory.buffer)
    view.setUint32(count, 0, true)
    view.setUint32(size, 0, true)
    return success
  }

  #eachBuffer(at: number, count: number, sumAt: number, move: (buffer: Uint8Array) => number): number {
    const view = new DataView(this.memory.buffer)
    let sum = 0
    for (let i = 0; i < count; i++) {
      const start = view.getUint32(at + 8 * i, true)
      sum += move(new Uint8Array(this.memory.buffer, start, view.getUint32(at + 8 * i + 4, true)))
    }
    view.setUint32(sumAt, sum, true)
    return success
  }
}
