import { createHash } from 'node:crypto'

const bufferBytes = 1 << 16

/**
 * SHA-256 over a sequence of values. Values are written with a tag and a length each, object fields in the order
 * they stand in: one program on one seed builds its objects in one order.
 */
export class TraceDigest {
  readonly #hash = createHash('sha256')
  readonly #buffer = Buffer.allocUnsafe(bufferBytes)
  #at = 0

  add(value: unknown): void {
    if (this.#at > bufferBytes - 64) this.#flush()
    if (typeof value === 'string') return this.#text(0x73, value)
    if (typeof value === 'number') {
      this.#buffer[this.#at++] = 0x6e
      this.#at = this.#buffer.writeDoubleLE(value, this.#at)
      return
    }
    if (value === null || value === undefined || typeof value === 'boolean') {
      this.#buffer[this.#at++] = value === null ? 0 : value === undefined ? 1 : value ? 3 : 2
      return
    }
    if (value instanceof Uint8Array) return this.#bytes(value)
    if (Array.isArray(value)) {
      this.#size(0x61, value.length)
      for (const item of value) this.add(item)
      return
    }
    if (typeof value !== 'object') throw new TypeError(`a ${typeof value} has no place in a trace`)
    this.#buffer[this.#at++] = 0x6f
    for (const key in value) {
      this.add(key)
      this.add((value as Record<string, unknown>)[key])
    }
    this.#buffer[this.#at++] = 0x65
  }

  /** 64 hex digits; the digest takes nothing more. */
  end(): string {
    this.#flush()
    return this.#hash.digest('hex')
  }

  #text(tag: number, text: string): void {
    if (text.length * 3 > bufferBytes - this.#at - 8) this.#flush()
    if (text.length * 3 > bufferBytes - 8) {
      this.#size(tag, text.length)
      this.#flush()
      this.#hash.update(text)
      return
    }
    const start = this.#at
    this.#at += 5
    const written = this.#buffer.write(text, this.#at, 'latin1')
    this.#buffer[start] = tag
    this.#buffer.writeUInt32LE(written, start + 1)
    this.#at += written
  }

  #bytes(bytes: Uint8Array): void {
    this.#size(0x62, bytes.length)
    if (bytes.length > bufferBytes - this.#at) this.#flush()
    if (bytes.length > bufferBytes) {
      this.#hash.update(bytes)
      return
    }
    this.#buffer.set(bytes, this.#at)
    this.#at += bytes.length
  }

  #size(tag: number, size: number): void {
    if (this.#at > bufferBytes - 8) this.#flush()
    this.#buffer[this.#at++] = tag
    this.#at = this.#buffer.writeUInt32LE(size, this.#at)
  }

  #flush(): void {
    this.#hash.update(this.#buffer.subarray(0, this.#at))
    this.#at = 0
  }
}
