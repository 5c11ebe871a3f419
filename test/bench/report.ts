import type { BenchReport, BenchResult, Target } from './result.ts'

/** One line of JSON, without its newline. */
export function reportJson(report: BenchReport): string {
  return JSON.stringify(report)
}

/** A table for people, ending with a newline. */
export function reportTable({ bench, machine, runs, results, missing }: BenchReport): string {
  const head = ['', 'median', 'min … max', '', 'baseline', 'ratio', 'target', '']
  const rows = [head, ...results.map(rowOf)]
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => padded(cell, widths[column]!, column))
      .join('  ')
      .trimEnd(),
  )
  const about = `${bench}: medians of ${runs} runs on ${machine.cpus} × ${machine.cpu}, Node ${machine.node}, ${machine.platform}`
  return `${[about, '', ...lines, ...missing.map(({ name, reason }) => `missing: ${name}: ${reason}`)].join('\n')}\n`
}

const alignedRight = new Set([1, 5])

function padded(cell: string, width: number, column: number): string {
  return alignedRight.has(column) ? cell.padStart(width) : cell.padEnd(width)
}

function rowOf({
  name,
  unit,
  median,
  min,
  max,
  baseline,
  ratio,
  target,
  met,
}: BenchResult): readonly string[] {
  return [
    name,
    String(median),
    `${min} … ${max}`,
    unit,
    baseline === null ? '' : `${baseline.name} ${baseline.median}`,
    ratio === null ? '' : ratio.toFixed(2),
    target === null ? '' : targetText(target),
    met === null ? '' : met ? 'met' : 'MISSED',
  ]
}

function targetText(target: Target): string {
  if ('ratioMin' in target) return `ratio ≥ ${target.ratioMin}`
  return 'min' in target ? `≥ ${target.min}` : `≤ ${target.max}`
}

/** Something that was to be reached was not, or could not be measured. */
export function isShort({ results, missing }: BenchReport): boolean {
  return missing.length > 0 || results.some(({ met }) => met === false)
}
