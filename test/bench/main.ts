import { loadavg } from 'node:os'
import { resolve } from 'node:path'
import { keepIfAsked } from '../long/record.ts'
import { readCommand } from './command.ts'
import { benches } from './registry.ts'
import { isShort, reportJson, reportTable } from './report.ts'
import { type BenchReport, thisMachine } from './result.ts'

/*
 * npm run bench -- NAME: measures side by side with the alternative, in turns. Exits 0 when it ran, with --strict 1 when a
 * target is missed, 2 when the command line is wrong.
 */

const command = readCommand(process.argv.slice(2), benches)
if (command.kind === 'usage') {
  process.stderr.write(command.message)
  process.exit(2)
}
const { bench, runs, only, json, strict, scale, profile } = command
/** Work that waited for a processor in the last minute, ours not among it: above the number of processors it disturbed. */
const loadBefore = loadavg()[0]
const {
  results,
  missing,
  notes = [],
} = await bench.measure({
  runs,
  ...(scale === undefined ? {} : { scale }),
  ...(profile === undefined ? {} : { profile: resolve(process.env['INIT_CWD'] ?? '.', profile) }),
  wants: (part) => only.includes(part),
  progress: (what) => process.stderr.isTTY && process.stderr.write(`${what} …\n`),
})
const report: BenchReport = { bench: bench.name, machine: thisMachine(), runs, results, missing }
keepIfAsked(`bench-${bench.name}`, { loadBefore, ...report })
process.stdout.write(
  json ? `${reportJson(report)}\n` : [reportTable(report), ...notes.map((note) => `\n${note}\n`)].join(''),
)
// What a measured sandbox leaves behind, a worker or a browser, must not keep the command waiting.
process.stdout.write('', () => process.exit(strict && isShort(report) ? 1 : 0))
