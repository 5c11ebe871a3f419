import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Io } from '../../../relay/cli/io.ts'
import { makeProgram, runProgram } from '../../../relay/cli/program.ts'
import { type SubmitOptions, submit } from '../../../relay/cli/submit.ts'
import { type VerifyOptions, verify } from '../../../relay/cli/verify.ts'
import { type HttpFixture, startHttp } from '../http/http-fixture.ts'
import type { LoopbackOptions } from '../http/loopback-relay.ts'

export interface Run {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** Lines of stdout, of stderr. */
  readonly out: string[]
  readonly err: string[]
}

export interface SubmitHow {
  readonly terminal?: boolean
  readonly stop?: AbortSignal
  /** Gets what is said on stderr as it is said. */
  readonly heard?: string[]
}

/** A relay, a folder for files, and the commands as a user calls them. */
export interface CliFixture extends HttpFixture {
  readonly folder: string
  file(name: string, content: string | Uint8Array): Promise<string>
  submit(options: Partial<SubmitOptions>, how?: SubmitHow): Promise<Run>
  verify(receipt: string, options?: VerifyOptions): Promise<Run>
  /** Any command, by its words. Files are relative to `folder`. */
  tabmesh(words: readonly string[], how?: CommandHow): Promise<Run>
}

export interface CommandHow extends SubmitHow {
  readonly stdin?: Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>
  /** In place of collecting what is printed; may throw, as a reader that leaves. */
  readonly out?: (text: string) => Promise<void> | void
}

export async function startCli(options?: LoopbackOptions): Promise<CliFixture> {
  const http = await startHttp(options)
  const folder = await mkdtemp(join(tmpdir(), 'tabmesh-cli-'))
  const file = async (name: string, content: string | Uint8Array) => {
    await writeFile(join(folder, name), content)
    return join(folder, name)
  }
  const program = await file('program.js', 'export default (x) => x')
  return {
    ...http,
    folder,
    file,
    submit: (given, { terminal = false, stop = new AbortController().signal, heard = [] } = {}) => {
      const all: SubmitOptions = {
        ...{ relay: http.server.url, type: 'javascript', program, input: '', wait: 5, priority: 'normal' },
        ...{ data: join(folder, 'home') },
        ...given,
      }
      return record(terminal, (io) => submit(all, io, stop), heard)
    },
    tabmesh: (words, how = {}) => runWords(words, how, { relay: http.server.url, folder }),
    verify: (receipt, given = {}) => record(false, (io) => verify(receipt, given, io)),
    async close() {
      await http.close()
      await rm(folder, { recursive: true })
    },
  }
}

const record = async (
  isTerminal: boolean,
  command: (io: Io) => Promise<number | undefined>,
  heard: string[] = [],
): Promise<Run> => await recordWith({ terminal: isTerminal, heard }, command)

async function recordWith(how: CommandHow, command: (io: Io) => Promise<number | undefined>): Promise<Run> {
  const written = { stdout: '', stderr: '' }
  const io: Io = {
    out: async (text) => {
      await how.out?.(text)
      written.stdout += text
    },
    err: (text) => {
      written.stderr += text
      how.heard?.push(text)
    },
    async *input() {
      for await (const part of how.stdin ?? [])
        yield typeof part === 'string' ? new TextEncoder().encode(part) : part
    },
    isTerminal: how.terminal === true,
    isTyped: false,
  }
  const code = (await command(io)) ?? 0
  const lines = (text: string) => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))
  return { code, ...written, out: lines(written.stdout), err: lines(written.stderr) }
}

/** The program as its process runs it, but that it is this one. */
async function runWords(
  words: readonly string[],
  how: CommandHow,
  { relay, folder }: { readonly relay: string; readonly folder: string },
): Promise<Run> {
  const stop = how.stop ?? new AbortController().signal
  const before = { ...process.env }
  Object.assign(process.env, { INIT_CWD: folder, TABMESH_HOME: join(folder, 'home'), TABMESH_RELAY: relay })
  try {
    return await recordWith(how, async (io) => {
      let ended: number | undefined
      const program = makeProgram({
        io,
        stop: () => stop,
        ended: (code) => {
          ended = code
        },
      })
      return (await runProgram(program, words, io)) ?? ended
    })
  } finally {
    process.env = before
  }
}
