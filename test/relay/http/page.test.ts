import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { type HttpFixture, problem, startHttp } from './http-fixture.ts'

let http: HttpFixture
let folder: string

afterEach(async () => {
  await http.close()
  await rm(folder, { recursive: true })
})

const sandboxPolicy = "default-src 'none'; script-src 'sha256-abc='"

async function start(files: Readonly<Record<string, string>>): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'tabmesh-page-'))
  await mkdir(join(folder, 'assets'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  http = await startHttp({ pageFolder: folder })
}

const built = {
  'index.html': '<!doctype html><title>Tabmesh</title>',
  'sandbox.html': '<!doctype html>',
  'sandbox.csp': `${sandboxPolicy}\n`,
  'assets/main-Bx3kPq9_.js': 'export {}',
  '.hidden': 'secret',
}
const get = (path: string) => fetch(http.server.url + path)

describe('the built page', () => {
  test('is served with a policy that runs no text and lets guests be framed', async () => {
    await start(built)
    for (const path of ['/', '/index.html', '/?profile=second']) {
      const response = await get(path)
      expect(await response.text()).toBe(built['index.html'])
      expect(response.headers.get('content-type')).toContain('text/html')
      const policy = response.headers.get('content-security-policy')
      for (const part of [
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "connect-src 'self' ws: wss: http: https:",
        "frame-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "object-src 'none'",
        "base-uri 'none'",
      ]) {
        expect(policy?.split('; ')).toContain(part)
      }
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      expect(response.headers.get('referrer-policy')).toBe('no-referrer')
      expect(response.headers.get('cache-control')).toBe('no-cache')
    }
  })

  test('SBX-01 gives the sandbox the policy that its build wrote, and no other', async () => {
    await start(built)
    const response = await get('/sandbox.html')
    expect(response.headers.get('content-security-policy')).toBe(sandboxPolicy)
    expect(response.headers.get('connection-allowlist')).toBe('()')
    expect((await get('/')).headers.get('connection-allowlist')).toBeNull()
  })

  test('SBX-01 gives the sandbox the policy of the app when its build wrote none', async () => {
    const { 'sandbox.csp': _, ...rest } = built
    await start(rest)
    expect((await get('/sandbox.html')).headers.get('content-security-policy')).toContain(
      "default-src 'self'",
    )
  })

  test('lets files named by their content be kept', async () => {
    await start(built)
    const response = await get('/assets/main-Bx3kPq9_.js')
    expect(response.headers.get('cache-control')).toContain('immutable')
    expect(response.headers.get('content-type')).toContain('javascript')
  })

  test.each([
    '/../package.json',
    '/%2e%2e/package.json',
    '/..%2f..%2fetc/passwd',
    '/.hidden',
    '/assets/nothing.js',
    '/a%00b',
  ])('hands out nothing else: %s', async (path) => {
    await start(built)
    const { status } = await problem(await get(path))
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(500)
  })
})

test('a page that was not built says how to build it, and the API answers all the same', async () => {
  await start({})
  const answer = await problem(await get('/'))
  expect(answer).toMatchObject({ status: 503, code: 'PageNotBuilt' })
  expect(answer.detail).toContain('npm run build')
  expect((await get('/api/v1/network')).status).toBe(200)
})
