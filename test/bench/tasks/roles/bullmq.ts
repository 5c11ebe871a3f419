import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import type { Answers } from './answers.ts'

export interface BullGiven {
  readonly url: string
  readonly queue: string
}

/** Jobs that one worker has under way; more made it no faster. */
const concurrency = 100
const jobsPerAdd = 256

const connectionTo = (url: string): Redis => new Redis(url, { maxRetriesPerRequest: null })

/** Adds jobs to a BullMQ queue. */
export async function producerRole({ url, queue }: BullGiven): Promise<Answers> {
  const connection = connectionTo(url)
  const jobs = new Queue(queue, { connection: connection as never })
  await jobs.waitUntilReady()
  return {
    add: async ({ tasks }: { readonly tasks: number }): Promise<void> => {
      for (let start = 0; start < tasks; start += jobsPerAdd) {
        const some = Array.from({ length: Math.min(jobsPerAdd, tasks - start) }, (_, at) => ({
          name: 'nothing',
          data: start + at,
          opts: { removeOnComplete: true },
        }))
        await jobs.addBulk(some)
      }
    },
    stop: async () => {
      await jobs.close()
      connection.disconnect()
    },
  }
}

/** Does nothing for each job of the queue. */
export async function consumerRole({ url, queue }: BullGiven): Promise<Answers> {
  const connection = connectionTo(url)
  let done = 0
  const worker = new Worker(queue, async () => null, {
    connection: connection as never,
    concurrency,
  })
  worker.on('completed', () => {
    done++
  })
  await worker.waitUntilReady()
  return {
    /** Jobs done here so far. */
    done: () => done,
    stop: async () => {
      await worker.close()
      connection.disconnect()
    },
  }
}
