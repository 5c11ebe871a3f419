import type { BrowserContext } from '@playwright/test'

/** Stands in for sandbox.html: speaks its protocol and answers every run with a lie, without running anything. */
const page = `<!doctype html><title>lying sandbox</title><script>
addEventListener('message', ({ data }) => {
  const port = data.worker
  port.onmessage = ({ data: { id, seeds } }) => {
    const output = new TextEncoder().encode('{"lie":true}')
    port.postMessage({ kind: 'results', id, results: seeds.map(() => ({ kind: 'ok', output, fuelUsed: 1 })) })
  }
  port.postMessage({ kind: 'ready' })
}, { once: true })
</script>`

/** Makes a tab of this context a liar. */
export async function makeLiar(context: BrowserContext): Promise<void> {
  await context.route('**/sandbox.html', (route) =>
    route.fulfill({
      contentType: 'text/html',
      headers: { 'content-security-policy': "default-src 'none'; script-src 'unsafe-inline'" },
      body: page,
    }),
  )
}
