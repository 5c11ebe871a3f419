import { createSHA256 } from 'hash-wasm'
import type { Sha256 } from '../../shared/kernel/ids.ts'

/**
 * Synchronous SHA-256 for a tab: WebAssembly, which was measured 5 times faster there than JavaScript (0.97 M against
 * 0.22 M hashes/s of 300 bytes, Chromium), or JavaScript where a page may not compile WebAssembly.
 */
export async function loadTabSha256(): Promise<Sha256> {
  try {
    const hasher = await createSHA256()
    return (bytes) => hasher.init().update(bytes).digest('binary')
  } catch {
    const { sha256 } = await import('@noble/hashes/sha2.js')
    return sha256
  }
}
