import type { JobId } from '../../shared/kernel/ids.ts'
import type { JobReport } from '../../shared/task/coordinator-view.ts'

/** A job as it is told of: its counts and times. */
export function jobFields(jobId: JobId, job: JobReport) {
  const { accepted, completed, failed, executions, submittedAt, lastEndAt } = job
  return {
    ...{ jobId, accepted, completed, failed, executions, submittedAt },
    ...(lastEndAt === null ? {} : { lastEndAt: new Date(lastEndAt).toISOString() }),
  }
}

/** One page of the jobs, newest first, after the place that the page before named. */
export function pageOf(
  jobs: readonly (readonly [JobId, JobReport])[],
  limit: number,
  after: string | undefined,
): { readonly jobs: readonly object[]; readonly next?: string } {
  const placed = jobs
    .map(([jobId, job]) => ({ jobId, job, place: `${job.submittedAt}_${jobId}` }))
    .filter(({ place }) => after === undefined || place < after)
    .sort((a, b) => (a.place < b.place ? 1 : -1))
  const page = placed.slice(0, limit)
  const last = page.at(-1)
  return {
    jobs: page.map(({ jobId, job }) => jobFields(jobId, job)),
    ...(last === undefined || placed.length <= limit ? {} : { next: last.place }),
  }
}
