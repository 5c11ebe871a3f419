import { join } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { ClientError } from '../shared/client/client-error.ts'
import { mapKinds } from '../shared/client/map-input.ts'
import { priorities } from '../shared/task/task.ts'
import type { CheckProgramOptions } from './cli/check-program.ts'
import { processIo, ReaderGone } from './cli/io.ts'
import type { SubmitOptions } from './cli/submit.ts'
import { UsageError } from './cli/usage-error.ts'
import type { VerifyOptions } from './cli/verify.ts'
import { addSettingFlags, flagsGiven } from './config/flags.ts'
import { loadSettings, type SettingsSources } from './config/load-settings.ts'
import type { Role } from './config/settings.ts'
import { dataHome, StartError } from './data-folder.ts'
import { version } from './version.ts'

/** The `tabmesh` program. Each command loads what it needs, so that `verify` does not load a network. */

function whole(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`)
  }
}

/** As commander hands them over: those of the settings are texts. */
interface NodeFlags extends Readonly<Record<string, unknown>> {
  readonly data?: string
  readonly config?: string
}

const sourcesOf = (role: Role, options: NodeFlags, dataFolder: string): SettingsSources => ({
  flags: flagsGiven(role, options),
  env: process.env,
  file: options.config,
  dataFolder,
})

interface Running {
  stop(): Promise<void>
}

const forceMs = 30_000

/** OPS-01: runs until SIGINT or SIGTERM, then ends in order; a second signal or 30 s ends at once. */
function untilSignal(running: Running): void {
  let ending = false
  const now = (reason: string): never => {
    process.stderr.write(`tabmesh: ended at once, ${reason}; what is saved is whole\n`)
    process.exit(1)
  }
  const end = (): void => {
    if (ending) now('asked a second time')
    ending = true
    setTimeout(() => now(`since it did not end in order within ${forceMs / 1_000} s`), forceMs).unref()
    running.stop().then(
      () => process.exit(0),
      (error: unknown) => stopWith(error),
    )
  }
  process.on('SIGINT', end)
  process.on('SIGTERM', end)
}

/** Says what went wrong and ends: 2 where the error says so, else 1. */
function stopWith(error: unknown): never {
  if (error instanceof ReaderGone) process.exit(1)
  process.stderr.write(`tabmesh: ${error instanceof Error ? error.message : String(error)}\n`)
  if (error instanceof UsageError || (error instanceof ClientError && error.code === 'BadUrl'))
    process.exit(2)
  process.exit(error instanceof StartError ? error.exitCode : 1)
}

const failed = (error: unknown): never => {
  const reason = error instanceof Error ? error.message : String(error)
  process.stderr.write(`tabmesh: stopped, because its state can no longer be kept: ${reason}\n`)
  process.exit(1)
}

const program = new Command('tabmesh')
  .description('Open browser tabs, turned into one computer whose answers are verified.')
  .version(version)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))

addSettingFlags(program.command('relay'), 'relay')
  .description('Serve the page and the API, introduce peers and hold task state.')
  .option('--data <dir>', 'data folder (default: $TABMESH_HOME or ~/.tabmesh)')
  .action(async (options: NodeFlags) => {
    const folder = join(dataHome(options.data), 'relay')
    const settings = await loadSettings('relay', sourcesOf('relay', options, folder))
    const { runRelay } = await import('./server.ts')
    const relay = await runRelay({ settings, folder, failed })
    untilSignal(relay)
    process.stdout.write(`ready ${relay.url}\n`)
  })

addSettingFlags(program.command('agent'), 'agent')
  .description('Work for a network without a browser.')
  .option('--data <dir>', 'data folder (default: $TABMESH_HOME or ~/.tabmesh)')
  .addOption(
    new Option('--name <name>', 'folder under the data folder; one for each agent of a machine')
      .env('TABMESH_NAME')
      .default('agent-1'),
  )
  .action(async (options: NodeFlags & { readonly name: string }) => {
    const folder = join(dataHome(options.data), options.name)
    const settings = await loadSettings('agent', sourcesOf('agent', options, folder))
    const { runAgent } = await import('./agent/run-agent.ts')
    const agent = await runAgent({ settings, folder, failed })
    untilSignal(agent)
    await agent.joined
    process.stdout.write(`ready ${agent.peerId}\n`)
  })

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

withLimits(program.command('submit'))
  .description('Run a program on a file, or on each of its items; results on stdout in input order.')
  .requiredOption('--relay <url>', 'the relay, as its page is called')
  .requiredOption('--type <type>', 'text_processing, data_analysis, model_inference, javascript or wasi')
  .requiredOption('--program <program>', "a built-in's name or a file")
  .requiredOption('--input <file>', 'the input')
  .addOption(mapOption())
  .option('--receipt <file>', 'write the receipt there')
  .addOption(
    new Option('--wait <seconds>', 'go on for so long while the relay is away')
      .argParser(whole(0, 31_536_000))
      .default(300),
  )
  .addOption(
    new Option('--priority <priority>', 'critical is for admins').choices(priorities).default('normal'),
  )
  .option('--json', 'one NDJSON line per item on stdout, a summary as the last line of stderr')
  .option('--data <dir>', 'data folder (default: $TABMESH_HOME or ~/.tabmesh)')
  .action(async (options: SubmitOptions) => {
    const { submit } = await import('./cli/submit.ts')
    const stop = new AbortController()
    // A second signal ends at once.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
    process.exit(await submit(options, processIo(), stop.signal))
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
  .addOption(new Option('--rerun <n>', 'run n random items here and compare').argParser(whole(1, 1_000_000)))
  .option('--program <program>', 'for --rerun')
  .option('--input <file>', 'for --rerun')
  .addOption(mapOption())
  .action(async (receipt: string, options: VerifyOptions) => {
    const { verify } = await import('./cli/verify.ts')
    process.exit(await verify(receipt, options, processIo()))
  })

withLimits(program.command('check-program'))
  .description('Run a program twice here, in different conditions, and say what it costs.')
  .argument('<program>', "a built-in's name or a file")
  .option('--input <file>', 'the input (default: null)')
  .addOption(mapOption())
  .option('--json', 'the findings as JSON')
  .action(async (name: string, options: CheckProgramOptions) => {
    const { checkProgram } = await import('./cli/check-program.ts')
    process.exit(await checkProgram(name, options, processIo()))
  })

program
  .command('status')
  .description('Tell the state of the network, or of one of your tasks.')
  .argument('[task]', 'a task id')
  .requiredOption('--relay <url>', 'the relay, as its page is called')
  .option('--json', 'as JSON')
  .option('--data <dir>', 'data folder (default: $TABMESH_HOME or ~/.tabmesh)')
  .action(async (task: string | undefined, options: { relay: string; json?: boolean; data?: string }) => {
    const { status } = await import('./cli/status.ts')
    await status(task, options, processIo())
    process.exit(0)
  })

try {
  await program.parseAsync()
} catch (error) {
  stopWith(error)
}
