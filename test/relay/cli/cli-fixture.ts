import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Io } from '../../../relay/cli/io.ts'
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
    verify: (receipt, given = {}) => record(false, (io) => verify(receipt, given, io)),
    async close() {
      await http.close()
      await rm(folder, { recursive: true })
    },
  }
}

async function record(
  isTerminal: boolean,
  command: (io: Io) => Promise<number | undefined>,
  heard: string[] = [],
): Promise<Run> {
  const written = { stdout: '', stderr: '' }
  const io: Io = {
    out: async (text) => {
      written.stdout += text
    },
    err: (text) => {
      written.stderr += text
      heard.push(text)
    },
    isTerminal,
  }
  const code = (await command(io)) ?? 0
  const lines = (text: string) => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))
  return { code, ...written, out: lines(written.stdout), err: lines(written.stderr) }
}
