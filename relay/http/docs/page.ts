import { requestFreshMs } from '../../../shared/client/http-signing.ts'
import { type ProblemMeaning, problemCodes } from '../problem-codes.ts'
import { fieldsOf } from './field-rows.ts'
import { escaped, table } from './html.ts'
import type { JsonSchema, OpenApi, OpenApiOperation, OpenApiResponse } from './openapi.ts'
import { curlExample, signingVector, signScript } from './signing-example.ts'

/** The page /docs: everything that the document says, and how to sign. No script, no other host. */
export function docsPage(document: OpenApi): string {
  const sections = document.tags.map(({ name, description }) => ({
    name,
    description,
    routes: routesOf(document).filter(({ operation }) => operation.tags[0] === name),
  }))
  // Beside the text where there is room, and folded above it on a phone: without a script, it stands there twice.
  const contents = contentsOf(sections)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API of a Tabmesh relay</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/docs/style.css">
</head>
<body>
<div class="page">
<nav aria-label="Contents">
${contents}
</nav>
<main>
<p class="back"><a href="/">Tabmesh</a></p>
<h1>API of a Tabmesh relay</h1>
<p class="muted">Version ${escaped(String(document.info['version']))}. As OpenAPI 3.1: <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p>
<details class="contents"><summary>Contents</summary>
${contents}
</details>
${introduction()}
${sections
  .map(
    ({ name, description, routes }) =>
      `<h2 id="section-${name}">${capitalized(name)}</h2>\n<p>${escaped(description)}</p>\n${routes
        .map((route) => articleOf(document, route))
        .join('\n')}`,
  )
  .join('\n')}
${codesTable()}
</main>
</div>
</body>
</html>
`
}

interface ListedSection {
  readonly name: string
  readonly routes: readonly Route[]
}

function contentsOf(sections: readonly ListedSection[]): string {
  const listed = sections.map(({ name, routes }) => {
    const links = routes.map(
      ({ method, path, operation }) =>
        `<li><a href="#${operation.operationId}"><span class="mono">${method}</span> ${escaped(path.replace('/api/v1', ''))}</a></li>`,
    )
    return `<h2>${capitalized(name)}</h2><ul>${links.join('')}</ul>`
  })
  return `<ul>${guides.map(([id, title]) => `<li><a href="#${id}">${title}</a></li>`).join('')}</ul>
${listed.join('\n')}`
}

const guides = [
  ['signing', 'Signed requests'],
  ['signing-tasks', 'Tasks are signed too'],
  ['example', 'A worked example'],
  ['once', 'Doing it once'],
  ['streams', 'Streams'],
  ['errors', 'Errors'],
] as const

interface Route {
  readonly method: string
  readonly path: string
  readonly operation: OpenApiOperation
}

/** HEAD is said with its GET. */
const routesOf = ({ paths }: OpenApi): Route[] =>
  Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([method]) => method !== 'head')
      .map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )

const capitalized = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1)

function introduction(): string {
  const { seed, key, head, body, signed, signature } = signingVector()
  return `<h2 id="signing">Signed requests</h2>
<p>A key of yours, Ed25519, is who you are: no account is needed. A signed request has four headers.</p>
${table(
  ['header', 'meaning'],
  [
    [
      '<code>Tabmesh-Key</code>',
      'peer id of the key: base58 of <code>002408011220</code> (hex) and the 32 bytes of the public key',
    ],
    ['<code>Tabmesh-Id</code>', 'UUID v4 in lower case, new for every request'],
    [
      '<code>Tabmesh-Time</code>',
      `now, as <code>2025-01-31T12:00:00.000Z</code>; at most ${requestFreshMs / 60_000} minutes off the relay's clock`,
    ],
    ['<code>Tabmesh-Signature</code>', 'Ed25519, 128 lowercase hex digits'],
  ],
)}
<p>Signed are the ASCII bytes of <code>tabmesh/http/1</code>, then the canonical CBOR (RFC 8949, 4.2.1) of the list of six texts <code>[networkId, method, path with query, id, time, SHA-256 of the body in hex]</code>; the body of a request without one is empty. The network id is in <a href="#getNetwork"><code>GET /api/v1/network</code></a>; it changes when a relay begins anew.</p>
<p>A request is taken once: its id is remembered longer than its time is good for. Other headers are not signed.</p>
<details><summary>One request in all its parts, to check an implementation with</summary>
${table(
  ['', ''],
  [
    ['private key (seed)', `<code>${seed}</code>`],
    ['public key', `<code>${key}</code>`],
    ['list', `<code>${escaped(JSON.stringify(head))}</code>`],
    ['body', `<code>${escaped(body)}</code>`],
    ['signed bytes', `<code>${signed}</code>`],
    ['signature', `<code id="vector-signature">${signature}</code>`],
  ],
)}</details>
<h2 id="signing-tasks">Tasks are signed too</h2>
<p>Workers check that a task is its submitter's, whichever relay hands it to them. The <code>signature</code> of a submission is over the ASCII bytes of <code>tabmesh/task/1</code>, the 32 bytes of the network id, and the 32 bytes of the SHA-256 of the canonical CBOR of <code>task</code> as it stands in the JSON: hashes as hex text, times as text, whole numbers as integers.</p>
<h2 id="example">A worked example</h2>
<p>Save this as <code>tabmesh-sign.mjs</code> (Node.js 20 or newer, nothing else). The client library and <code>tabmesh submit</code> do the same and more.</p>
<pre id="sign-script" tabindex="0"><code>${escaped(signScript)}</code></pre>
<pre id="curl-example" tabindex="0"><code>${escaped(curlExample)}</code></pre>
<h2 id="once">Doing it once</h2>
<p>Task ids make submissions idempotent by themselves: the same signed task, submitted again, is answered as taken and nothing is done twice, after a restart of the relay as well and for as long as it knows the task. Another task under the same id is refused (<code>TaskIdTaken</code>).</p>
<p>The header <code>Idempotency-Key</code> (1 to 128 printable ASCII characters, of your choice) is for clients that cannot keep the signed task itself. The same request (method, path and body, byte for byte) of the same key holder under the same idempotency key is given the first answer again, word for word, with <code>Idempotent-Replayed: true</code>; while the first is under way, the second waits for it. Another request under that key is refused with 422 <code>IdempotencyKeyReused</code>. Each try needs a new <code>Tabmesh-Id</code>.</p>
<p>Only answers to work that was taken are kept, for 24 hours, as memory allows (16 MiB, least used first to go), and not through a restart. A refusal is never kept: nothing was done, and the next try is looked at anew. Once an answer is forgotten the task ids still hold: nothing is done twice, only the words of the answer may differ.</p>
<h2 id="streams">Streams</h2>
<p>Results come as <code>application/x-ndjson</code>, one JSON text on each line; events as <code>text/event-stream</code>. Both are held open. A key may hold 16 open. A reader that takes nothing for 30 s is cut off.</p>
<h2 id="errors">Errors</h2>
<p>Every refusal is <code>application/problem+json</code> (RFC 9457): <code>code</code> is stable and for programs, <code>detail</code> is for people and names what was wrong. With 503, 429 and 507 the header <code>retry-after</code> says when to try again. <a href="#codes">All codes</a> are at the end. Refused submissions are counted in <code>tasks_rejected_total{reason}</code>.</p>`
}

function articleOf(document: OpenApi, { method, path, operation }: Route): string {
  const { operationId, summary, description, security, parameters = [], requestBody } = operation
  const parts = [
    `<h3><span class="method ${method.toLowerCase()}">${method}</span> <span class="mono">${escaped(path)}</span>${security.length > 0 ? '<span class="tag">signed</span>' : ''}</h3>`,
    `<p><strong>${escaped(summary)}.</strong> ${marked(description ?? '')}</p>`,
  ]
  if (parameters.length > 0) {
    const rows = parameters.map(({ name, in: where, required, description: text = '', schema }) => [
      `<code>${escaped(name)}</code>`,
      `${where}${required ? '' : ', optional'}`,
      `${marked(text)} ${patternOf(schema)}`,
    ])
    parts.push('<h4>Parameters</h4>', table(['name', 'in', 'meaning'], rows))
  }
  if (requestBody !== undefined) {
    for (const [type, { schema }] of Object.entries(requestBody.content)) {
      parts.push(
        `<h4>Body: ${type}</h4>`,
        `<p>${escaped(requestBody.description)}.</p>`,
        fieldsTable(document, schema),
      )
    }
  }
  for (const [status, response] of Object.entries(operation.responses)) {
    if (response['x-codes'] === undefined) parts.push(answerOf(document, status, response))
  }
  parts.push(problemsTable(operation))
  return `<article id="${operationId}">\n${parts.join('\n')}\n</article>`
}

function answerOf(
  document: OpenApi,
  status: string,
  { description, content = {}, headers = {} }: OpenApiResponse,
): string {
  const [type, body] = Object.entries(content)[0] ?? []
  const parts = [
    `<h4>Answer ${status}${type === undefined ? '' : `: ${type}`}</h4>`,
    `<p>${marked(description)}.</p>`,
  ]
  const rows = Object.entries(headers).map(([name, header]) => [
    `<code>${name}</code>`,
    marked(header.description),
  ])
  if (rows.length > 0) parts.push(table(['header', 'meaning'], rows))
  const each = body?.['x-each']
  if (body === undefined) return parts.join('\n')
  if (each === undefined) return [...parts, fieldsTable(document, body.schema)].join('\n')
  if (each === 'line')
    return [...parts, '<p class="muted">Each line:</p>', fieldsTable(document, body.schema)].join('\n')
  for (const [name, data] of Object.entries(each)) {
    parts.push(`<p class="muted">Data of the event <code>${name}</code>:</p>`, fieldsTable(document, data))
  }
  return parts.join('\n')
}

function fieldsTable(document: OpenApi, schema: JsonSchema): string {
  const rows = fieldsOf(schema, document.components.schemas)
  if (rows.length === 0) return ''
  return table(
    ['field', 'type', 'meaning'],
    rows.map(({ name, type, isRequired, text }) => [
      `<code>${escaped(name)}</code>`,
      `${escaped(type)}${isRequired ? '' : ', optional'}`,
      marked(text),
    ]),
  )
}

function problemsTable({ responses }: OpenApiOperation): string {
  const rows = Object.entries(responses).flatMap(([status, { 'x-codes': codes = {} }]) =>
    Object.entries(codes).map(([code, text]) => [status, `<code>${code}</code>`, marked(text)]),
  )
  return `<details><summary>Errors</summary>${table(['status', 'code', 'meaning'], rows)}</details>`
}

function codesTable(): string {
  const rows = Object.entries<ProblemMeaning>(problemCodes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { status, submissionStatus, text }]) => [
      `<code>${code}</code>`,
      submissionStatus === undefined ? String(status) : `${status}, ${submissionStatus}`,
      marked(text),
    ])
  return `<h2 id="codes">All codes</h2>${table(['code', 'status', 'meaning'], rows)}`
}

const patternOf = ({ pattern }: JsonSchema): string =>
  typeof pattern === 'string' ? `<code class="muted">${escaped(pattern)}</code>` : ''

/** Texts have `code` in them, and nothing else. */
const marked = (text: string): string => escaped(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>')
