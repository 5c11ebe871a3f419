import type { Hash } from '../../shared/kernel/ids.ts'
import type { BlobLimits, BlobStore } from '../../shared/storage/blob-store.ts'
import type { ContractCase } from './contract-case.ts'

export interface BlobSubject {
  /** Opens the store of this case: the same blobs at every call. `clock` is in Unix milliseconds. */
  open(limits?: BlobLimits, clock?: () => number): Promise<BlobStore>
  /** Flips one bit of what is kept under the hash, behind the back of a closed store. */
  damage(hash: Hash): Promise<void>
}

export type BlobCase = ContractCase<BlobSubject>
