import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'
import { build } from 'vite'

const frameEntry = new URL('../web/sandbox/frame.ts', import.meta.url)
const workerEntry = new URL('../web/sandbox/program.worker.ts', import.meta.url)

/** What sandbox.html is served as: the page, and the value of its Content-Security-Policy header. */
export interface SandboxPage {
  readonly html: string
  readonly policy: string
}

/**
 * Makes sandbox.html, one inline script with the worker's source as a text in it, and sandbox.csp, the header it is
 * served with. Development serves the same page.
 */
export function sandboxBundle(): Plugin {
  return {
    name: 'tabmesh-sandbox',
    applyToEnvironment: ({ name }) => name === 'client',
    async generateBundle() {
      const { html, policy } = await buildSandboxPage()
      this.emitFile({ type: 'asset', fileName: 'sandbox.html', source: html })
      this.emitFile({ type: 'asset', fileName: 'sandbox.csp', source: policy })
    },
    configureServer(server) {
      let page: Promise<SandboxPage> | undefined
      server.watcher.on('change', () => {
        page = undefined
      })
      server.middlewares.use('/sandbox.html', (_request, response, next) => {
        page ??= buildSandboxPage()
        page.then(({ html, policy }) => {
          response.setHeader('content-type', 'text/html; charset=utf-8')
          response.setHeader('content-security-policy', policy)
          response.end(html)
        }, next)
      })
    },
  }
}

export async function buildSandboxPage(): Promise<SandboxPage> {
  const worker = await bundleScript(workerEntry, [])
  const script = escapeForHtml(await bundleScript(frameEntry, [textModule('virtual:program-worker', worker)]))
  const hash = createHash('sha256').update(script).digest('base64')
  const policy = [
    `default-src 'none'`,
    `script-src 'sha256-${hash}' 'wasm-unsafe-eval'`,
    `worker-src blob:`,
    `connect-src 'none'`,
    `base-uri 'none'`,
    `form-action 'none'`,
  ].join('; ')
  const html = [
    '<!doctype html>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<title>Tabmesh sandbox</title>',
    `<script>${script}</script>`,
    '',
  ].join('\n')
  // Only a header can say the last two: opened by itself the page is as shut in, and nobody else may frame it.
  return { html, policy: `${policy}; sandbox allow-scripts; frame-ancestors 'self'` }
}

/** One script without imports, minified. */
async function bundleScript(entry: URL, plugins: Plugin[]): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    publicDir: false,
    plugins,
    build: {
      write: false,
      target: 'es2024',
      modulePreload: false,
      rolldownOptions: {
        input: fileURLToPath(entry),
        output: { format: 'iife', codeSplitting: false },
      },
    },
  })
  const [output] = Array.isArray(built) ? built : [built]
  const chunk = output !== undefined && 'output' in output ? output.output[0] : undefined
  if (chunk === undefined) throw new Error(`${entry.href} did not build to a script`)
  return chunk.code.trim()
}

function textModule(name: string, text: string): Plugin {
  const id = `\0${name}`
  return {
    name: `text:${name}`,
    resolveId: (source) => (source === name ? id : undefined),
    load: (loaded) => (loaded === id ? `export default ${JSON.stringify(text)}` : undefined),
  }
}

/** Keeps a script from ending, or commenting out, the element it stands in. */
function escapeForHtml(script: string): string {
  return script.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--')
}
