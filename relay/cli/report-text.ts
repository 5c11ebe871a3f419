import type { Report } from '../../shared/client/reports.ts'

/** One line for people. */
export function reportText(report: Report): string {
  const { missing } = report
  const waits =
    missing === undefined || missing.workers === 0
      ? ''
      : `, waiting for ${missing.workers} more ${missing.workers === 1 ? 'worker' : 'workers'}`
  if ('taskId' in report) {
    const { status, attempts } = report
    return `${status.replaceAll('_', ' ')}, ${attempts} ${attempts === 1 ? 'execution' : 'executions'}${waits}`
  }
  const { accepted, completed, failed } = report
  const failures = failed > 0 ? `, ${failed} of them failed` : ''
  return `${completed + failed} of ${accepted} done${failures}${waits}`
}

/** Whether all of it came to a good end. */
export const isGood = (report: Report): boolean =>
  'taskId' in report
    ? report.status === 'completed'
    : report.failed === 0 && report.completed >= report.accepted

const barWidth = 30

/** How far a job is, as a bar. */
export function barOf(report: Report): string {
  if ('taskId' in report) return reportText(report)
  const { accepted, completed, failed } = report
  const share = accepted === 0 ? 0 : (completed + failed) / accepted
  const full = Math.floor(barWidth * share)
  const percent = String(Math.floor(100 * share)).padStart(3)
  return `[${'#'.repeat(full)}${'.'.repeat(barWidth - full)}] ${percent} %  ${reportText(report)}`
}
