import { parseArgs } from 'node:util'
import type { Bench } from './bench.ts'

export type Command =
  | {
      readonly kind: 'run'
      readonly bench: Bench
      readonly runs: number
      readonly only: readonly string[]
      readonly json: boolean
      readonly strict: boolean
      readonly scale?: number
      readonly profile?: string
    }
  | { readonly kind: 'usage'; readonly message: string }

const runsMax = 1_000
const scaleMax = 10

/** What the command line asks for, or what is wrong with it. */
export function readCommand(args: readonly string[], benches: readonly Bench[]): Command {
  const usage = (message: string): Command => ({
    kind: 'usage',
    message: `bench: ${message}\n${usageText(benches)}`,
  })
  let given: ReturnType<typeof parse>
  try {
    given = parse(args)
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error))
  }
  const { values, positionals } = given
  const [name, ...more] = positionals
  if (name === undefined) return usage('which one?')
  if (more.length > 0) return usage(`one at a time, without ${more.join(' ')}`)
  const bench = benches.find((one) => one.name === name)
  if (bench === undefined) return usage(`there is no bench ${name}`)
  const runs = values.runs === undefined ? bench.runs : wholeNumber(values.runs)
  if (runs === undefined) return usage(`--runs ${values.runs}: expected a whole number from 1 to ${runsMax}`)
  const only = values.only ?? bench.parts
  const unknown = only.filter((part) => !bench.parts.includes(part))
  if (unknown.length > 0) return usage(`--only ${unknown.join(', ')}: ${name} has ${bench.parts.join(', ')}`)
  for (const option of ['scale', 'profile'] as const) {
    if (values[option] !== undefined && !bench.takes?.includes(option))
      return usage(`${name} knows no --${option}`)
  }
  const scale = values.scale === undefined ? undefined : shareOf(values.scale)
  if (Number.isNaN(scale)) return usage(`--scale ${values.scale}: expected a number above 0, 10 at most`)
  return {
    kind: 'run',
    ...{ bench, runs, only, json: values.json ?? false, strict: values.strict ?? false },
    ...(scale === undefined ? {} : { scale }),
    ...(values.profile === undefined ? {} : { profile: values.profile }),
  }
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: 'boolean' },
      strict: { type: 'boolean' },
      runs: { type: 'string' },
      only: { type: 'string', multiple: true },
      scale: { type: 'string' },
      profile: { type: 'string' },
    },
  })
}

function wholeNumber(text: string): number | undefined {
  const value = Number(text)
  return /^\d+$/.test(text) && value >= 1 && value <= runsMax ? value : undefined
}

/** NaN for what is none. */
function shareOf(text: string): number {
  const value = Number(text)
  return /^\d+(\.\d+)?$/.test(text) && value > 0 && value <= scaleMax ? value : Number.NaN
}

function usageText(benches: readonly Bench[]): string {
  const width = Math.max(...benches.map(({ name }) => name.length))
  return [
    'usage: npm run -s bench -- NAME [--json] [--strict] [--runs N] [--only PART] [--scale S] [--profile DIR]',
    '  --json    one JSON object',
    '  --strict  exit 1 when a target is missed or something could not be measured',
    '  --runs    times that everything is measured',
    '  --only    a part of the bench; may be given several times',
    '  --scale   a share of the usual amount of work, to try it out (store, tasks)',
    '  --profile do it once more under a profiler, and write what it finds there (tasks)',
    'benches:',
    ...benches.map(({ name, about, parts }) => `  ${name.padEnd(width)}  ${about} (${parts.join(', ')})`),
    '',
  ].join('\n')
}
