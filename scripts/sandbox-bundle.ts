import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'
import { build } from 'vite'
import { onnxGlue } from './onnx-glue.ts'

/** The sandbox's pages by name: the frame's script, and the worker in it. */
const pages = {
  sandbox: { frame: 'frame.ts', worker: 'program.worker.ts' },
  'sandbox-onnx': { frame: 'onnx-frame.ts', worker: 'onnx.worker.ts' },
} as const

type PageName = keyof typeof pages
const pageNames = Object.keys(pages) as PageName[]

/** What a page is served as: the page, and the value of its Content-Security-Policy header. */
export interface SandboxPage {
  readonly html: string
  readonly policy: string
}

/**
 * Makes each page, NAME.html: one inline script with the worker's source as a text in it, and NAME.csp, the header it
 * is served with. Development serves the same pages.
 */
export function sandboxBundle(): Plugin {
  return {
    name: 'tabmesh-sandbox',
    applyToEnvironment: ({ name }) => name === 'client',
    async generateBundle() {
      for (const name of pageNames) {
        const { html, policy } = await buildSandboxPage(name)
        this.emitFile({ type: 'asset', fileName: `${name}.html`, source: html })
        this.emitFile({ type: 'asset', fileName: `${name}.csp`, source: policy })
      }
    },
    configureServer(server) {
      const built = new Map<PageName, Promise<SandboxPage>>()
      server.watcher.on('change', () => built.clear())
      for (const name of pageNames) {
        server.middlewares.use(`/${name}.html`, (_request, response, next) => {
          const page = built.get(name) ?? buildSandboxPage(name)
          built.set(name, page)
          page.then(({ html, policy }) => {
            response.setHeader('content-type', 'text/html; charset=utf-8')
            response.setHeader('content-security-policy', policy)
            response.setHeader('connection-allowlist', '()')
            response.end(html)
          }, next)
        })
      }
    },
  }
}

async function buildSandboxPage(name: PageName): Promise<SandboxPage> {
  const entry = (file: string): URL => new URL(`../web/sandbox/${file}`, import.meta.url)
  const worker = await bundleScript(entry(pages[name].worker), [onnxGlue()])
  const frame = await bundleScript(entry(pages[name].frame), [textModule('virtual:program-worker', worker)])
  const script = escapeForHtml(frame)
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
