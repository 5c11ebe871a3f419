import type { HostLog } from '../../shared/host/host-log.ts'
import type { BlobStore } from '../../shared/storage/blob-store.ts'

export const dayMs = 24 * 60 * 60_000
/** Blobs that no live task needs are kept this long after they were last used: 7 days, in ms. */
export const retentionMs = 7 * dayMs
const everyMs = 60 * 60_000
/** Blobs deleted at one time; what is left waits for the next. */
const deletionsMax = 1_000
/** The first sweep comes when a start is over, and what its tasks need is known again. */
const firstMs = 60_000

/** Deletes what nobody needs any more and was not used for so long, every hour; returns what ends that. */
export function keepRetention(
  blobs: BlobStore,
  log: HostLog,
  unusedMsNow: () => number = () => retentionMs,
): () => void {
  const sweep = async (): Promise<void> => {
    const unusedMs = unusedMsNow()
    try {
      const deleted = await blobs.sweep(unusedMs, deletionsMax)
      if (deleted > 0)
        log('info', `Deleted blobs that were not used for ${unusedMs / dayMs} days: ${deleted}`)
    } catch (error) {
      log('warn', 'Unused blobs could not be deleted', { error: String(error) })
    }
  }
  const first = setTimeout(() => void sweep(), firstMs)
  const each = setInterval(() => void sweep(), everyMs)
  return () => {
    clearTimeout(first)
    clearInterval(each)
  }
}
