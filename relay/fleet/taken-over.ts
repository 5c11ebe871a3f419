import { StorageError } from '../../shared/storage/store.ts'

/** A refused write is no fault of the store: whoever runs the relay is told what became of its tasks. */
export const sayingWhoTookOver =
  (failed: (error: unknown) => void, leaseSeconds: number) =>
  (error: unknown): void => {
    if (!(error instanceof StorageError) || error.code !== 'Fenced') return failed(error)
    failed(
      new StorageError(
        'Fenced',
        `another relay has taken over its tasks, since it showed no sign of life for ${leaseSeconds} s (fleet.leaseSeconds); started again, it joins the others with none`,
        error,
      ),
    )
  }
