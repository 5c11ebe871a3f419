import { type Command, InvalidArgumentError, Option } from 'commander'
import { mapKinds } from '../../shared/client/map-input.ts'
import { priorities } from '../../shared/task/task.ts'
import type { CheckProgramOptions } from './check-program.ts'
import type { Io } from './io.ts'
import type { StatusOptions } from './status.ts'
import type { SubmitOptions } from './submit.ts'
import type { VerifyOptions } from './verify.ts'

/** What a command is run with. Each loads what it needs, so that `verify` does not load a network. */
export interface CommandHost {
  readonly io: Io
  /** Given at the first SIGINT or SIGTERM; a second one ends the process. */
  readonly stop: () => AbortSignal
  /** Called with the exit code of a command that has ended. */
  readonly ended: (code: 0 | 1) => void
}

/** The commands of those who submit work and check results, added to the program. */
export function addClientCommands(program: Command, host: CommandHost): void {
  withTaskFlags(
    program.command('submit').requiredOption('--input <file>', 'the input').addOption(mapOption()),
  )
    .description('Run a program on a file, or on each of its items; results on stdout in input order.')
    .action(async (options: SubmitOptions) => {
      const { submit } = await import('./submit.ts')
      host.ended(await submit(options, host.io, host.stop()))
    })

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

  withRelay(program.command('status'))
    .description('Tell the state of the network, or of one of your tasks.')
    .argument('[task]', 'a task id')
    .option('--json', 'as JSON')
    .action(async (task: string | undefined, options: StatusOptions) => {
      const { status } = await import('./status.ts')
      await status(task, options, host.io)
      host.ended(0)
    })
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
      'the relay, as its page is called (default: $TABMESH_RELAY, or `relay` in client/config.yaml of the data folder)',
    )
    .option('--data <dir>', 'data folder (default: $TABMESH_HOME or ~/.tabmesh)')

/** What is asked of each task, whatever it runs on. */
function withTaskFlags(command: Command): Command {
  command
    .requiredOption('--type <type>', 'text_processing, data_analysis, model_inference, javascript or wasi')
    .requiredOption('--program <program>', "a built-in's name or a file")
    .option('--receipt <file>', 'write the receipt there')
    .option('--json', 'one NDJSON line per item on stdout, a summary as the last line of stderr')
    .addOption(
      new Option('--wait <seconds>', 'go on for so long while the relay is away')
        .argParser(whole(0, 31_536_000))
        .default(300),
    )
    .addOption(
      new Option('--priority <priority>', 'critical is for admins').choices(priorities).default('normal'),
    )
  return withLimits(withRelay(command))
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
