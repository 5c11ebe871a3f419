import { fileURLToPath } from 'node:url'
import type { BrowserContext } from '@playwright/test'
import { build } from 'vite'

/** The origin test pages are served at. Localhost is a secure context, as WebCrypto and locks ask for. */
export const testOrigin = 'http://localhost:8089'

/** One script with everything the entry imports. */
export async function bundlePage(entry: URL): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    publicDir: false,
    build: {
      write: false,
      target: 'es2024',
      minify: false,
      modulePreload: false,
      rolldownOptions: { input: fileURLToPath(entry), output: { codeSplitting: false } },
    },
  })
  const [output] = Array.isArray(built) ? built : [built]
  const chunk = output !== undefined && 'output' in output ? output.output[0] : undefined
  if (chunk === undefined) throw new Error(`${entry.href} did not build to a script`)
  return chunk.code
}

/** As `bundlePage`, for `page.evaluate`: it leaves what it exports at `globalThis[name]`. */
export async function bundleGlobal(entry: URL, name: string): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    publicDir: false,
    build: {
      write: false,
      minify: false,
      lib: { entry: fileURLToPath(entry), formats: ['iife'], name },
    },
  })
  const [output] = Array.isArray(built) ? built : [built]
  const chunk = output !== undefined && 'output' in output ? output.output[0] : undefined
  if (chunk === undefined) throw new Error(`${entry.href} did not build to a script`)
  return `${chunk.code}\n;globalThis[${JSON.stringify(name)}] = ${name};`
}

/** Answers every request to the origin with a page that runs the script; no server is needed. */
export async function servePage(context: BrowserContext, script: string, origin = testOrigin): Promise<void> {
  await context.route(`${origin}/**`, (route) =>
    new URL(route.request().url()).pathname === '/page.js'
      ? route.fulfill({ contentType: 'text/javascript', body: script })
      : route.fulfill({
          contentType: 'text/html',
          body: '<!doctype html><title>test</title><script type="module" src="/page.js"></script>',
        }),
  )
}
