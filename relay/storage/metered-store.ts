import { Counter, Histogram, type Metric } from 'prom-client'
import type {
  BatchOptions,
  ListOptions,
  ReadOptions,
  Store,
  StoreChange,
  StoreRow,
} from '../../shared/storage/store.ts'

/** STO-08: what a store was asked for, and how long it took. */
export class StorageMetrics {
  readonly #operations = new Counter({
    name: 'storage_operations_total',
    help: 'Calls of the store',
    labelNames: ['operation', 'backend'],
    registers: [],
  })
  readonly #seconds = new Histogram({
    name: 'storage_operation_duration_seconds',
    help: 'How long calls of the store took, failed ones too',
    labelNames: ['operation', 'backend'],
    buckets: [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [],
  })

  /** For the registry that is shown. */
  get all(): readonly Metric[] {
    return [this.#operations, this.#seconds]
  }

  async measure<T>(operation: string, backend: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now()
    try {
      return await work()
    } finally {
      this.#operations.inc({ operation, backend })
      this.#seconds.observe({ operation, backend }, (performance.now() - start) / 1_000)
    }
  }
}

/** A store whose calls are counted and timed. */
export class MeteredStore implements Store {
  readonly consistency
  readonly #store: Store
  readonly #backend: string
  readonly #metrics: StorageMetrics

  constructor(store: Store, backend: string, metrics: StorageMetrics) {
    this.consistency = store.consistency
    this.#store = store
    this.#backend = backend
    this.#metrics = metrics
  }

  get(key: string, options?: ReadOptions): Promise<Uint8Array | undefined> {
    return this.#metrics.measure('get', this.#backend, () => this.#store.get(key, options))
  }

  list(prefix: string, options?: ListOptions): Promise<StoreRow[]> {
    return this.#metrics.measure('list', this.#backend, () => this.#store.list(prefix, options))
  }

  batch(changes: readonly StoreChange[], options?: BatchOptions): Promise<void> {
    return this.#metrics.measure('batch', this.#backend, () => this.#store.batch(changes, options))
  }

  close(): Promise<void> {
    return this.#store.close()
  }
}
