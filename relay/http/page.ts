import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { HttpApp } from './http-app.ts'
import { Problem } from './problem.ts'

/** Guests are in a frame of opaque origin with a policy of its own: this one lets the app frame it, and run no text. */
const appPolicy = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "connect-src 'self' ws: wss: http: https:",
  "img-src 'self' data: blob:",
  "frame-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'self'",
].join('; ')

const sandboxPages = ['sandbox.html', 'sandbox-onnx.html']
/** Chromium 148 and later: no connection of any kind leaves, WebRTC, prefetch and name lookups included. */
const noConnections = '()'

/** The build names these by their content. */
const namedByContent = /^.+-[\w-]{8,}\.\w+$/

/** The built page, with its security headers; when it was not built, a word on how to. */
export async function servePage(app: HttpApp, folder: string): Promise<void> {
  if (!existsSync(join(folder, 'index.html'))) {
    app.get('/', async () => {
      throw new Problem(
        'PageNotBuilt',
        'The page is not built: run `npm run build` and start the relay again',
      )
    })
    return
  }
  const sandboxPolicies = new Map<string, string>()
  for (const page of sandboxPages) {
    const policy = await readFile(join(folder, page.replace('.html', '.csp')), 'utf8').catch(() => undefined)
    if (policy !== undefined) sandboxPolicies.set(page, policy.trim())
  }
  await app.register(fastifyStatic, {
    root: folder,
    cacheControl: false,
    dotfiles: 'ignore',
    preCompressed: true,
    // No file is there: it is not looked for.
    allowedPath: (path) => !path.startsWith('/api/'),
    setHeaders(reply, path) {
      const name = basename(path).replace(/\.(?:br|gz)$/, '')
      const sandboxPolicy = sandboxPolicies.get(name)
      reply.header('content-security-policy', sandboxPolicy ?? appPolicy)
      if (sandboxPolicy !== undefined) reply.header('connection-allowlist', noConnections)
      reply.header(
        'cache-control',
        namedByContent.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache',
      )
    },
  })
}
