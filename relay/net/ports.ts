import { createServer } from 'node:net'

/** NET-02: after the port asked for, this many above it are tried. */
const nextPorts = 5
const portMax = 65_535

/**
 * The ports to try, in order: the one got last time, the one asked for, the five above it. Port 0 is any free one, and
 * needs no other.
 */
export function portCandidates(port: number, preferred: number | undefined): number[] {
  const above = port === 0 ? [] : Array.from({ length: nextPorts }, (_, at) => port + 1 + at)
  const all = [...(preferred === undefined || preferred === 0 ? [] : [preferred]), port, ...above]
  return [...new Set(all)].filter((candidate) => candidate <= portMax)
}

/** The first port of the list that can be listened on, and is not in `except`; `undefined` when none can. */
export async function firstFreePort(
  host: string,
  candidates: readonly number[],
  except: ReadonlySet<number>,
): Promise<number | undefined> {
  for (const candidate of candidates) {
    if (candidate !== 0 && except.has(candidate)) continue
    const port = await freePort(host, candidate)
    if (port !== undefined && !except.has(port)) return port
  }
  return undefined
}

function freePort(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address()
      const got = typeof address === 'object' && address !== null ? address.port : undefined
      server.close(() => resolve(got))
    })
  })
}
