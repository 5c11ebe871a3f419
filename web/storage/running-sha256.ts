import { createSHA256 } from 'hash-wasm'
import { toHex } from '../../shared/kernel/bytes.ts'

/** SHA-256 of bytes that come one part after the other, which WebCrypto cannot do. */
export interface RunningSha256 {
  update(bytes: Uint8Array): void
  /** In hex; call it once. */
  digest(): string
}

/** WebAssembly, or JavaScript where a page may not compile WebAssembly. */
export async function startSha256(): Promise<RunningSha256> {
  try {
    const hasher = (await createSHA256()).init()
    return { update: (bytes) => void hasher.update(bytes), digest: () => hasher.digest('hex') }
  } catch {
    const { sha256 } = await import('@noble/hashes/sha2.js')
    const hasher = sha256.create()
    return { update: (bytes) => void hasher.update(bytes), digest: () => toHex(hasher.digest()) }
  }
}
