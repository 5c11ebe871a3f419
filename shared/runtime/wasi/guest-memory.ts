/**
 * The guest's linear memory. Addresses and lengths are unsigned 32-bit numbers, so that no sum of two loses precision;
 * they need no alignment. Callers ask `holds` first: past the end the accessors throw.
 */
export class GuestMemory {
  #memory: WebAssembly.Memory | undefined
  #view = new DataView(new ArrayBuffer(0))

  attach(memory: WebAssembly.Memory): void {
    this.#memory = memory
  }

  /** Whether all bytes from `address` on lie in memory. No byte at all does so up to its very end. */
  holds(address: number, length: number): boolean {
    return address + length <= this.#current.byteLength
  }

  bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.#current.buffer, address, length)
  }

  u8(address: number): number {
    return this.#current.getUint8(address)
  }

  u16(address: number): number {
    return this.#current.getUint16(address, true)
  }

  u32(address: number): number {
    return this.#current.getUint32(address, true)
  }

  u64(address: number): bigint {
    return this.#current.getBigUint64(address, true)
  }

  setU8(address: number, value: number): void {
    this.#current.setUint8(address, value)
  }

  setU16(address: number, value: number): void {
    this.#current.setUint16(address, value, true)
  }

  setU32(address: number, value: number): void {
    this.#current.setUint32(address, value, true)
  }

  setU64(address: number, value: bigint): void {
    this.#current.setBigUint64(address, value, true)
  }

  /** Growing gives the memory another buffer and takes the old one's bytes away. */
  get #current(): DataView {
    const { buffer } = this.#memory!
    if (this.#view.buffer !== buffer) this.#view = new DataView(buffer)
    return this.#view
  }
}
