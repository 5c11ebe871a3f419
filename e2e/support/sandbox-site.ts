import { createSocket } from 'node:dgram'
import { mkdtemp, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { fastify } from 'fastify'
import { build } from 'vite'
import type { HttpApp } from '../../relay/http/http-app.ts'
import { servePage } from '../../relay/http/page.ts'
import { onnxEngine } from '../../scripts/onnx-engine-file.ts'
import { sandboxBundle } from '../../scripts/sandbox-bundle.ts'

/** A page with the sandbox in it, built as the app is, and served by the relay's own routes with its own headers. */
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
    plugins: [onnxEngine(), sandboxBundle()],
    build: { outDir: folder, emptyOutDir: true, target: 'es2024' },
  })
  const requests: string[] = []
  const app: HttpApp = fastify().withTypeProvider<TypeBoxTypeProvider>()
  app.addHook('onRequest', async (request) => {
    requests.push(new URL(request.url, 'http://localhost').pathname)
  })
  await servePage(app, folder)
  await app.listen({ host: '127.0.0.1', port: 0 })
  return {
    origin: `http://localhost:${(app.server.address() as AddressInfo).port}`,
    requests,
    async close() {
      app.server.closeAllConnections()
      await app.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** A server that nobody has any business with. */
export interface Canary {
  readonly origin: string
  readonly requests: string[]
  /** Its UDP port, as an ICE server. */
  readonly stun: string
  /** Sizes of the datagrams that came. */
  readonly datagrams: number[]
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
  const datagrams: number[] = []
  const socket = createSocket('udp4').on('message', ({ length }) => datagrams.push(length))
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return {
    origin: await listen(server),
    requests,
    stun: `stun:127.0.0.1:${socket.address().port}`,
    datagrams,
    async close() {
      socket.close()
      await closed(server)
    },
  }
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}
