import { Command, CommanderError, type ParseOptionsResult } from 'commander'
import { StartError } from '../data-folder.ts'
import { version } from '../version.ts'
import { addClientCommands, type CommandHost } from './client-commands.ts'
import { errorFields } from './error-fields.ts'
import { type Io, ReaderGone } from './io.ts'
import { oneLine } from './one-line.ts'
import { isOfUsage } from './usage-error.ts'

/** The `tabmesh` program with the commands that come to an end; those that serve are added by whoever runs it. */
export function makeProgram(host: CommandHost): Command {
  const { io } = host
  const program = new Cli('tabmesh')
    .description('Open browser tabs, turned into one computer whose answers are verified.')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.out(text).catch(() => {}),
      writeErr: (text) => io.err(text),
      outputError: (text, write) => write(`tabmesh: ${withHint(text)}\n`),
    })
  addClientCommands(program, host)
  return program
}

/**
 * Of an option that there is not and one that is missing, the first is said: mostly it is the second, misspelt. The
 * library looks for what is missing first, and has no other place to step in.
 */
class Cli extends Command {
  override createCommand(name?: string): Command {
    return new Cli(name)
  }

  override parseOptions(words: string[]): ParseOptionsResult {
    const parsed = super.parseOptions(words)
    const [unknown] = parsed.unknown
    const isHelp = parsed.unknown.some((word) => word === '--help' || word === '-h')
    if (this.commands.length > 0 || unknown === undefined || isHelp) return parsed
    ;(this as unknown as { unknownOption(flag: string): void }).unknownOption(unknown)
    return parsed
  }
}

/** The words of the library that reads the call, as ours. */
function withHint(text: string): string {
  const message = oneLine(text.trim())
    .replace(/^error: /, '')
    .replace(/\.$/, '')
  return `${message} (--help tells more)`
}

/** Runs one command. Resolves to the exit code where that is known: commands that serve go on. */
export async function runProgram(
  program: Command,
  words: readonly string[],
  io: Io,
): Promise<number | undefined> {
  try {
    await program.parseAsync(words, { from: 'user' })
    return undefined
  } catch (error) {
    const code = tellError(error, io)
    if (code !== 0 && words.includes('--json')) tellErrorInJson(error, io)
    return code
  }
}

/** Says what went wrong, in one line; the exit code is 2 where the call was wrong, else 1. */
export function tellError(error: unknown, io: Pick<Io, 'err'>): number {
  // It has said so itself.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof ReaderGone) return 1
  io.err(`tabmesh: ${errorFields(error).message}\n`)
  if (isOfUsage(error)) return 2
  return error instanceof StartError ? error.exitCode : 1
}

/** For programs, the last line of stderr. */
function tellErrorInJson(error: unknown, io: Pick<Io, 'err'>): void {
  if (!(error instanceof ReaderGone)) io.err(`${JSON.stringify({ error: errorFields(error) })}\n`)
}
