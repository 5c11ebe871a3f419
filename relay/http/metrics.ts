import { Counter, Gauge, type Metric, Registry } from 'prom-client'
import type { Counters } from '../../shared/host/counters.ts'
import { priorities } from '../../shared/task/task.ts'
import type { OpenStreams } from './open-streams.ts'
import type { StatusSnapshot } from './snapshot.ts'

export interface MetricSources {
  readonly snapshot: StatusSnapshot
  readonly streams: OpenStreams
  readonly counters: Counters
  /** Counted elsewhere in the process. */
  readonly others?: readonly Metric[] | undefined
}

/** The host counts in plain numbers; they are given their Prometheus form when somebody asks. */
export class Metrics {
  readonly #registry = new Registry()

  constructor({ snapshot, streams, counters, others = [] }: MetricSources) {
    const registers = [this.#registry]
    for (const metric of others) this.#registry.registerMetric(metric)
    const peers = async (gauge: Gauge) => gauge.set((await snapshot.get()).peers.total)
    new Gauge({
      name: 'peers_connected',
      help: 'Peers known to this node now',
      registers,
      collect() {
        return peers(this)
      },
    })
    new Gauge({
      name: 'agent_peers_connected',
      help: 'The same, by its older name',
      registers,
      collect() {
        return peers(this)
      },
    })
    new Gauge({
      name: 'http_streams_open',
      help: 'Answers held open: results and events',
      registers,
      collect() {
        this.set(streams.size)
      },
    })
    new Gauge({ name: 'network_status', help: '1 when listening', registers }).set(1)
    new Gauge({
      name: 'task_queue_size',
      help: 'Tasks that wait for workers',
      labelNames: ['priority'],
      registers,
      async collect() {
        const { queue } = await snapshot.get()
        for (const priority of priorities) this.set({ priority }, queue[priority])
      },
    })
    for (const [name, help] of totals) {
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset()
          this.inc(counters.total(name))
        },
      })
    }
    for (const [name, help] of byReason) {
      new Counter({
        name,
        help,
        labelNames: ['reason'],
        registers,
        collect() {
          this.reset()
          for (const [reason, count] of counters.of(name)) this.inc({ reason: snakeCase(reason) }, count)
        },
      })
    }
  }

  /** Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }
}

const byReason = [
  ['tasks_rejected_total', 'Submissions refused, by reason'],
  ['reputation_updates_total', 'What counted for and against workers, by reason'],
] as const

const totals = [
  ['tasks_submitted_total', 'Tasks accepted'],
  ['tasks_assigned_total', 'Executions handed out'],
  ['tasks_timeout_total', 'Tasks that ended over their time'],
] as const

const snakeCase = (code: string): string => code.replace(/(?<=[a-z])[A-Z]/g, '_$&').toLowerCase()
