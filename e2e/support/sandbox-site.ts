import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { IncomingMessage, Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { sandboxBundle } from '../../scripts/sandbox-bundle.ts'

/** The policy of the page around the sandbox: its own files, and frames of its own origin. */
const appPolicy =
  "default-src 'none'; script-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'"

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
}

/** A page with the sandbox in it, built as the app is, on a server that says with it what the relay says. */
export interface SandboxSite {
  readonly origin: string
  /** Paths that were asked for, in order. */
  readonly requests: string[]
  close(): Promise<void>
}

export async function openSandboxSite(): Promise<SandboxSite> {
  const folder = await mkdtemp(join(tmpdir(), 'tabmesh-sandbox-'))
  await build({
    configFile: false,
    logLevel: 'error',
    root: fileURLToPath(new URL('../sandbox-page', import.meta.url)),
    plugins: [sandboxBundle()],
    build: { outDir: folder, emptyOutDir: true, target: 'es2024' },
  })
  const policies: Readonly<Record<string, string>> = {
    '/sandbox.html': await readFile(join(folder, 'sandbox.csp'), 'utf8'),
    '/sandbox-onnx.html': await readFile(join(folder, 'sandbox-onnx.csp'), 'utf8'),
  }
  const requests: string[] = []
  const server = createServer(async (request, response) => {
    const path = pathOf(request)
    requests.push(path)
    try {
      const body = await readFile(join(folder, path === '/' ? 'index.html' : path))
      response.setHeader('content-type', types[extname(path === '/' ? '.html' : path)] ?? 'text/html')
      response.setHeader('content-security-policy', policies[path] ?? appPolicy)
      response.end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  const origin = await listen(server)
  return {
    origin,
    requests,
    async close() {
      await closed(server)
      await rm(folder, { recursive: true })
    },
  }
}

/** A server that nobody has any business with. */
export interface Canary {
  readonly origin: string
  readonly requests: string[]
  close(): Promise<void>
}

export async function openCanary(): Promise<Canary> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    response.setHeader('access-control-allow-origin', '*')
    // "No content" keeps a page that is sent here by a form or a link where it is.
    if (/^\/(form|top)/.test(request.url ?? '')) response.statusCode = 204
    response.end('tweet')
  })
  server.on('upgrade', (request, socket) => {
    requests.push(`UPGRADE ${request.url}`)
    socket.destroy()
  })
  return { origin: await listen(server), requests, close: () => closed(server) }
}

function pathOf(request: IncomingMessage): string {
  return new URL(request.url ?? '/', 'http://localhost').pathname
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}
