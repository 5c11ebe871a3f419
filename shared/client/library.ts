import type { CryptoPort } from '../host/crypto-port.ts'
import { Refusal } from '../kernel/refusal.ts'
import { type Client, type ConnectOptions, connect } from './client.ts'
import type { ReceiptVerdict } from './receipt-verdict.ts'
import { readReceiptText, type VerifyReceiptOptions, verifyReceipt } from './verify-receipt.ts'

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
}) {
  return {
    async connect({ key, ...options }: LibraryOptions): Promise<Client> {
      return await connect({ ...options, crypto: key ?? (await platform.createKey()) })
    },
    async verifyReceipt(receipt: unknown, options: CheckOptions = {}): Promise<ReceiptVerdict> {
      const value = typeof receipt === 'string' ? readReceiptText(receipt) : receipt
      // A refusal is no receipt; its words are told as those of one that does not hold.
      const verdict = await verifyReceipt(value, { ...options, crypto: await platform.checker() })
      return value instanceof Refusal ? { ...verdict, reason: value.message } : verdict
    },
  }
}
