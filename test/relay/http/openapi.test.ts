import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeApp } from '../../../relay/http/app.ts'
import { problemCodes } from '../../../relay/http/problem-codes.ts'
import { Counters } from '../../../shared/host/counters.ts'
import { Conformance } from './conformance.ts'
import { type HttpFixture, startHttp } from './http-fixture.ts'
import { routes } from './routes.ts'

let http: HttpFixture
let text: string
let api: Conformance
beforeAll(async () => {
  http = await startHttp()
  text = await (await fetch(`${http.server.url}/api/v1/openapi.json`)).text()
  api = new Conformance(JSON.parse(text))
})
afterAll(() => http.close())

describe('WEB-08 the OpenAPI document', () => {
  test('WEB-08 is a valid one, its references and schemas as well', async () => {
    const config = await createConfig({
      extends: ['spec'],
      rules: {
        'operation-operationId': 'error',
        'tag-description': 'error',
        'no-unused-components': 'error',
        'path-parameters-defined': 'error',
        'security-defined': 'error',
        'operation-operationId-unique': 'error',
        'operation-operationId-url-safe': 'error',
        'no-ambiguous-paths': 'error',
      },
    })
    const problems = await lintFromString({ source: text, absoluteRef: 'openapi.json', config })
    expect(problems.map(({ message, ruleId }) => `${ruleId}: ${message}`)).toEqual([])
    expect(JSON.parse(text).openapi).toMatch(/^3\.1\./)
  })

  test('WEB-08 would not be valid with a reference to nowhere', async () => {
    const config = await createConfig({ extends: ['spec'] })
    const source = text.replace('"#/components/schemas/JobPart"', '"#/components/schemas/Nothing"')
    expect((await lintFromString({ source, absoluteRef: 'openapi.json', config })).length).toBeGreaterThan(0)
  })

  test('WEB-08 has every route that the server has, and no other', async () => {
    const { app } = await makeApp({
      api: http.relay,
      ...{ pageFolder: '/nowhere', counters: new Counters(), log: () => {} },
    })
    await app.ready()
    const printed = printedRoutes(app.printRoutes({ commonPrefix: false }))
    await app.close()
    expect(printed.length).toBeGreaterThan(20)
    const told = Object.entries(api.document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    )
    // The page is no part of the API.
    const page = ['GET /', 'HEAD /']
    expect(printed.filter((route) => !page.includes(route)).sort()).toEqual(told.sort())
    for (const [method, path] of routes) expect(api.operation(method, path)).toBeDefined()
  })

  test('WEB-08 says which routes are signed', () => {
    for (const [method, path, isSigned] of routes) {
      expect([path, api.operation(method, path)!.security.length > 0]).toEqual([path, isSigned])
    }
  })

  test('WEB-08 has a schema for every body and every answer, and each compiles', () => {
    let count = 0
    for (const operations of Object.values(api.document.paths)) {
      for (const { requestBody, responses, parameters = [] } of Object.values(operations)) {
        const contents = [requestBody, ...Object.values(responses)].flatMap((each) =>
          Object.values(each?.content ?? {}),
        )
        for (const { schema } of [...contents, ...parameters]) {
          api.validator(schema)
          count++
        }
      }
    }
    expect(count).toBeGreaterThan(50)
  })

  test('WEB-08 names every code of a problem with its status', () => {
    const inDocument = JSON.stringify(api.document.paths)
    const elsewhere = ['NotFound', 'MethodNotAllowed', 'PageNotBuilt']
    const missing = Object.keys(problemCodes).filter((code) => !inDocument.includes(`"${code}"`))
    expect(missing.sort()).toEqual(elsewhere.sort())
  })
})

/** `GET /a/{b}` of the tree that fastify prints. */
function printedRoutes(tree: string): string[] {
  const stack: string[] = []
  const found: string[] = []
  for (const line of tree.split('\n')) {
    const match = /^([│ ]*)[├└]── (\S*)(?: \((.+)\))?$/.exec(line)
    if (match === null) continue
    const depth = match[1]!.length / 4
    stack.length = depth
    stack.push(match[2]!)
    for (const method of match[3]?.split(', ') ?? []) {
      found.push(`${method} ${stack.join('').replaceAll(/:([^/]+)/g, '{$1}')}`)
    }
  }
  return found
}

describe('WEB-08 the page', () => {
  const get = async (path: string) => fetch(http.server.url + path)

  test('WEB-08 lists every route, runs no script and asks no other host', async () => {
    const response = await get('/docs')
    expect(response.headers.get('content-type')).toContain('text/html')
    const policy = response.headers.get('content-security-policy')
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/unsafe|script-src/)
    const html = await response.text()
    expect(html).not.toMatch(/<script|<style|\sstyle=|\son[a-z]+=|src=|https?:\/\/(?!localhost)/)
    for (const operations of Object.values(api.document.paths)) {
      const [operation] = Object.values(operations)
      expect(html).toContain(`id="${operation!.operationId}"`)
    }
    for (const code of Object.keys(problemCodes)) expect(html).toContain(`<code>${code}</code>`)
    expect((await get('/docs/style.css')).headers.get('content-type')).toContain('text/css')
  })

  test('WEB-08 is not sent again to who has it', async () => {
    const etag = (await get('/docs')).headers.get('etag')!
    const again = await fetch(`${http.server.url}/docs`, { headers: { 'if-none-match': etag } })
    expect(again.status).toBe(304)
  })

  test.each([
    { headers: { host: 'relay.example:8443' }, relay: 'http://relay.example:8443' },
    { headers: { host: '[::1]:9000' }, relay: 'http://[::1]:9000' },
    { headers: { host: 'a.example', 'x-forwarded-proto': 'https' }, relay: 'https://a.example' },
    { headers: { host: "a'$(id)" }, relay: 'http://localhost:8080' },
    { headers: { host: 'a.example', 'x-forwarded-proto': '<b>' }, relay: 'http://a.example' },
  ])('WEB-08 the example names the relay as it was asked: $headers', async ({ headers, relay }) => {
    const html = await textOf(`${http.server.url}/docs`, headers)
    expect(preOf(html, 'curl-example')).toContain(`\nexport RELAY=${relay}\n`)
    expect(preOf(html, 'sign-script')).toContain(`process.env.RELAY ?? '${relay}'\n`)
  })

  test('WEB-08 has a worked example that works as it stands', { timeout: 60_000 }, async () => {
    const html = await (await get('/docs')).text()
    const folder = await mkdtemp(join(tmpdir(), 'tabmesh-example-'))
    await writeFile(join(folder, 'tabmesh-sign.mjs'), preOf(html, 'sign-script'))
    const lines = preOf(html, 'curl-example')
    const shell = `set -e\ncurl() { command curl --silent --show-error --fail-with-body "$@"; echo; }\n${lines}`
    const path = `${join(process.execPath, '..')}:${process.env['PATH']}`
    const { stdout } = await promisify(execFile)('bash', ['-c', shell], {
      cwd: folder,
      env: { ...process.env, RELAY: undefined, PATH: path },
    })
    const task = JSON.parse(await readFile(join(folder, 'task.json'), 'utf8')).task
    const answers = stdout.split('\n').filter((line) => line.startsWith('{'))
    const accepted = answers.map((line) => JSON.parse(line)).find((answer) => 'task_id' in answer)
    expect(accepted).toMatchObject({ task_id: task.taskId, status: 'accepted' })
    expect(JSON.parse(answers.at(-1)!)).toMatchObject({ taskId: task.taskId })
    await rm(folder, { recursive: true })
  })
})

/** `fetch` sets the host itself. */
const textOf = (url: string, headers: Readonly<Record<string, string>>): Promise<string> =>
  new Promise((resolve, reject) => {
    request(url, { headers }, (response) => readText(response).then(resolve, reject))
      .once('error', reject)
      .end()
  })

const preOf = (html: string, id: string): string =>
  new RegExp(`<pre id="${id}"[^>]*><code>([^]*?)</code></pre>`)
    .exec(html)![1]!
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
