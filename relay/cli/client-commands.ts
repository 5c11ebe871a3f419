import { type Command, InvalidArgumentError, Option } from 'commander'
import { mapKinds } from '../../shared/client/map-input.ts'
import { taskTypes } from '../../shared/task/intake.ts'
import { priorities } from '../../shared/task/task.ts'
import type { CancelOptions } from './cancel.ts'
import type { CheckProgramOptions } from './check-program.ts'
import type { Io } from './io.ts'
import type { JobsOptions } from './jobs.ts'
import type { MapFlags } from './map.ts'
import { withPolicyFlags } from './policy-options.ts'
import type { ResultOptions } from './result.ts'
import type { StatusOptions } from './status.ts'
import type { SubmitOptions } from './submit.ts'
import type { VerifyOptions } from './verify.ts'
import type { WatchOptions } from './watch.ts'

/** What a command is run with. Each loads what it needs, so that `verify` does not load a network. */
export interface CommandHost {
  readonly io: Io
  /** Given at the first SIGINT or SIGTERM; a second one ends the process. */
  readonly stop: () => AbortSignal
  /** Called with the exit code of a command that has ended. */
  readonly ended: (code: 0 | 1 | 2) => void
}

/** The commands of those who submit work and check results, added to the program. */
export function addClientCommands(program: Command, host: CommandHost): void {
  addSubmitting(program, host)
  addAsking(program, host)
  addJobs(program, host)
  addChecking(program, host)
}

function addSubmitting(program: Command, host: CommandHost): void {
  const submit = withProgram(program.command('submit'))
    .description('Run a program on a file, or on each of its items; results on stdout in input order.')
    .requiredOption('--input <file>', 'the input')
    .addOption(mapOption())
  withTaskFlags(submit).action(async (options: SubmitOptions) => {
    const command = await import('./submit.ts')
    host.ended(await command.submit(options, host.io, host.stop()))
  })

  const map = withProgram(program.command('map'))
    .description('Run a program on each item of what comes in, of any length; results in order as they come.')
    .addOption(
      new Option(
        '--map <kind>',
        'what an item is: a line, a CSV row, an element of a JSON array or a line of JSON',
      )
        .choices(mapKinds)
        .default('lines'),
    )
    .option('--input <file>', 'read items from there (default: stdin)')
    .option('--output <file>', 'write results there (default: stdout)')
    .option('--job <file>', 'keep there how far the job is; when it is there, go on with it')
    .addHelpText('after', mapHelp)
  withTaskFlags(map).action(async (flags: MapFlags) => {
    const command = await import('./map.ts')
    host.ended(await command.map(flags, host.io, host.stop()))
  })
}

function addAsking(program: Command, host: CommandHost): void {
  withRelay(program.command('status'))
    .description('Tell the state of the network, or of one of your tasks or jobs.')
    .argument('[id]', 'a task or a job')
    .option('--json', 'as JSON')
    .action(async (id: string | undefined, options: StatusOptions) => {
      const { status } = await import('./status.ts')
      host.ended(await status(id, options, host.io))
    })

  withWait(withRelay(program.command('watch')))
    .description(
      'Tell how far one of your tasks or jobs is, until all of it has ended; exit 1 when a part failed.',
    )
    .argument('<id>', 'a task or a job')
    .option('--json', 'one NDJSON line for each change')
    .action(async (id: string, options: WatchOptions) => {
      const { watch } = await import('./watch.ts')
      host.ended(await watch(id, options, host.io, host.stop()))
    })

  withWait(withRelay(program.command('result')))
    .description(
      'Print the results of one of your tasks or jobs: those that are there, in the order of the items.',
    )
    .argument('<id>', 'a task or a job')
    .option('--json', 'one NDJSON line per item, as submit --json prints them')
    .option('--receipt <file>', 'write the receipt there')
    .action(async (id: string, options: ResultOptions) => {
      const { result } = await import('./result.ts')
      host.ended(await result(id, options, host.io, host.stop()))
    })

  withWait(withRelay(program.command('cancel')))
    .description('End one of your tasks, or what has not ended of one of your jobs.')
    .argument('<id>', 'a task or a job')
    .option('--json', 'what it was before, as JSON')
    .action(async (id: string, options: CancelOptions) => {
      const { cancel } = await import('./cancel.ts')
      host.ended(await cancel(id, options, host.io, host.stop()))
    })
}

function addJobs(program: Command, host: CommandHost): void {
  withWait(withRelay(program.command('jobs')))
    .description('List your jobs, newest first: their ids, when they began and how far they are.')
    .addOption(new Option('--limit <n>', 'show so many at most').argParser(whole(1, 1_000_000)).default(20))
    .option('--json', 'one NDJSON line per job')
    .action(async (options: JobsOptions) => {
      const { jobs } = await import('./jobs.ts')
      host.ended(await jobs(options, host.io, host.stop()))
    })
}

function addChecking(program: Command, host: CommandHost): void {
  program
    .command('verify')
    .description('Check a receipt offline.')
    .argument('<receipt>', 'the receipt file')
    .option('--json', 'the verdict as JSON')
    .option(
      '--output <file>',
      'also check that these results, as submit --json printed them, are those of the receipt',
    )
    .option('--trust <file>', 'a JSON array of the keys that voters must be in')
    .addOption(
      new Option('--rerun <n>', 'run n random items here and compare').argParser(whole(1, 1_000_000)),
    )
    .option('--program <program>', 'for --rerun')
    .option('--input <file>', 'for --rerun')
    .addOption(mapOption())
    .action(async (receipt: string, options: VerifyOptions) => {
      const { verify } = await import('./verify.ts')
      host.ended(await verify(receipt, options, host.io))
    })

  withLimits(program.command('check-program'))
    .description('Run a program twice here, in different conditions, and say what it costs.')
    .argument('<program>', "a built-in's name or a file")
    .option('--input <file>', 'the input (default: null)')
    .addOption(mapOption())
    .option('--json', 'the findings as JSON')
    .action(async (name: string, options: CheckProgramOptions) => {
      const { checkProgram } = await import('./check-program.ts')
      host.ended(await checkProgram(name, options, host.io))
    })
}

const mapHelp = `
With --job FILE the command can be stopped, or killed, at any time and given again with the same input: it goes on where
it was. With --output FILE each result is then there once; on stdout, after a kill -9, those of the last second may come
twice. The job file holds a secret of the job, by which only its owner can go on with it.

  tabmesh map --type javascript --program f.js --map csv < rows.csv > results.txt
  tabmesh map --type wasi --program f.wasm --input lines.txt --output results.txt --job lines.job`

const inWords = (names: readonly string[]): string => `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`

function typeOf(text: string): string {
  if (taskTypes.includes(text)) return text
  throw new InvalidArgumentError(`Unsupported task type: ${text}; it is ${inWords(taskTypes)}.`)
}

/** For options that take a whole number. */
function whole(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`)
  }
}

const withRelay = (command: Command): Command =>
  command
    .option(
      '--relay <url>',
      'the relay, as its page is called; several with commas, tried in turn (default: $TABMESH_RELAY, or `relay` in client/config.yaml of the data folder)',
    )
    .option('--data <dir>', 'data folder (default: $TABMESH_HOME or ~/.tabmesh)')

const withWait = (command: Command): Command =>
  command.addOption(
    new Option('--wait <seconds>', 'go on for so long while the relay is away')
      .argParser(whole(0, 31_536_000))
      .default(300),
  )

const withProgram = (command: Command): Command =>
  command
    .addOption(new Option('--type <type>', inWords(taskTypes)).argParser(typeOf).makeOptionMandatory())
    .requiredOption('--program <program>', "a built-in's name or a file")

/** What is asked of each task, whatever it runs on. */
function withTaskFlags(command: Command): Command {
  command
    .option('--receipt <file>', 'write the receipt there')
    .option('--json', 'one NDJSON line per item on stdout, a summary as the last line of stderr')
    .addOption(
      new Option('--priority <priority>', 'critical is for admins').choices(priorities).default('normal'),
    )
  return withPolicyFlags(withLimits(withWait(withRelay(command))))
}

const mapOption = () =>
  new Option(
    '--map <kind>',
    'one item per line, CSV row or array element (default: the file is one item)',
  ).choices(mapKinds)

/** Limits of one run; what a task may ask for at most is what a relay takes. */
const withLimits = (command: Command): Command =>
  command
    .addOption(
      new Option('--fuel <n>', 'of one run (default: 1e10)').argParser(whole(1, Number.MAX_SAFE_INTEGER)),
    )
    .addOption(new Option('--memory-mib <n>', 'memory of one run (default: 256)').argParser(whole(1, 2_048)))
    .addOption(new Option('--output-mib <n>', 'output of one run (default: 1)').argParser(whole(1, 64)))
    .addOption(new Option('--max-duration <seconds>', 'of one run (default: 60)').argParser(whole(1, 86_400)))
