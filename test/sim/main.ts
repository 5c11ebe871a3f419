import { parseArgs } from 'node:util'
import { faultsOf, runUnderFaults } from '../support/sim-faults.ts'
import { run } from './run.ts'

const usage =
  'usage: npm run -s sim -- --seed N --peers N --minutes N [--loss P] [--churn P] [--rate N] [--json]\n' +
  '  --loss   chance that any one message vanishes, 0 to 1 (default 0)\n' +
  '  --churn  share of the peers that vanish per virtual minute, 0 to 1 (default 0); the relay stays\n' +
  '  --rate   tasks per second (default 100)\n' +
  '       npm run -s sim -- --faults --seed N --peers N\n' +
  '           everything at once, as the seed has it; says what was wrong, and exits with 1 when something was\n'

function fail(message: string): never {
  process.stderr.write(`sim: ${message}\n${usage}`)
  process.exit(2)
}

function numberOption(
  name: string,
  text: string | undefined,
  fallback: number | undefined,
  max: number,
): number {
  if (text === undefined) return fallback ?? fail(`--${name} is missing`)
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= max))
    fail(`--${name} ${text}: expected a number from 0 to ${max}`)
  return value
}

function options() {
  try {
    return parseArgs({
      options: {
        seed: { type: 'string' },
        peers: { type: 'string' },
        minutes: { type: 'string' },
        loss: { type: 'string' },
        churn: { type: 'string' },
        rate: { type: 'string' },
        json: { type: 'boolean' },
        faults: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

const given = options()
const seed = numberOption('seed', given.seed, undefined, 0xffffffff)
const peers = numberOption('peers', given.peers, undefined, 1_000_000)
if (given.faults) tryFaults()
else simulate()

function tryFaults(): void {
  const { faults, ...counts } = runUnderFaults(faultsOf(seed, peers))
  process.stdout.write(`${JSON.stringify({ seed, peers, ...counts, faults })}\n`)
  process.exitCode = faults.length === 0 ? 0 : 1
}

function simulate(): void {
  const {
    judgedAgainst: _judged,
    liarIds: _liars,
    relaySteps: _steps,
    ...report
  } = run({
    ...{ seed, peers },
    minutes: numberOption('minutes', given.minutes, undefined, 100_000),
    loss: numberOption('loss', given.loss, 0, 1),
    churn: numberOption('churn', given.churn, 0, 1),
    rate: numberOption('rate', given.rate, 100, 1_000_000),
  })
  if (given.json) process.stdout.write(`${JSON.stringify(report)}\n`)
  else
    for (const [name, value] of Object.entries(report)) process.stdout.write(`${name.padEnd(12)} ${value}\n`)
}
