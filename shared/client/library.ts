import type { CryptoPort } from '../host/crypto-port.ts'
import { checkConnecting } from './call-check.ts'
import { type Client, type ConnectOptions, connect } from './client.ts'
import type { ReceiptVerdict } from './receipt-verdict.ts'
import { checkReceipt, type VerifyReceiptOptions } from './verify-receipt.ts'

/** Signs tasks and requests; whoever has it can ask for what was submitted with it, and end it. */
export type Key = CryptoPort

export interface LibraryOptions extends Omit<ConnectOptions, 'crypto'> {
  /** Without it a new one is made, for this connection only. */
  readonly key?: Key
}

export type CheckOptions = Omit<VerifyReceiptOptions, 'crypto'>

/** What a program that uses the library sees, for the platform whose parts are given. */
export function libraryOf(platform: {
  readonly createKey: () => Promise<Key>
  readonly checker: () => Promise<Pick<CryptoPort, 'verify' | 'sha256'>>
  /** Of the page, where there is one. */
  readonly origin?: string | undefined
}) {
  return {
    async connect(given: LibraryOptions): Promise<Client> {
      checkConnecting(given)
      const { key, ...options } = given
      const origin = platform.origin === undefined ? {} : { origin: platform.origin }
      return await connect({ ...origin, ...options, crypto: key ?? (await platform.createKey()) })
    },
    async verifyReceipt(receipt: unknown, options: CheckOptions = {}): Promise<ReceiptVerdict> {
      return await checkReceipt(receipt, { ...options, crypto: await platform.checker() })
    },
  }
}
