import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { requestSigningBytes } from '../../../shared/client/http-signing.ts'
import { toHex } from '../../../shared/kernel/bytes.ts'
import type { Hash } from '../../../shared/kernel/ids.ts'

/** Stands in the example for the address that the page is asked at. */
export const exampleRelay = 'http://localhost:8080'

/** What the page gives to be copied: `tabmesh-sign.mjs`. A test runs it against a server. */
export const signScript = `// tabmesh-sign.mjs: signs requests and tasks with nothing but Node.js
//   node tabmesh-sign.mjs request METHOD PATH [BODY-FILE]     headers, as curl --config reads them
//   node tabmesh-sign.mjs task TYPE PROGRAM-FILE INPUT-FILE   the body of POST /api/v1/tasks
import { createHash, createPrivateKey, createPublicKey, randomBytes, randomUUID, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'

const relay = process.env.RELAY ?? '${exampleRelay}'
const key = createPrivateKey(readFileSync(process.env.KEY ?? 'key.pem'))
const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)
const self = base58(Buffer.concat([Buffer.from('002408011220', 'hex'), publicKey]))
const { networkId } = await (await fetch(relay + '/api/v1/network')).json()
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
const time = new Date().toISOString()

const [what, ...args] = process.argv.slice(2)
if (what === 'request') request(...args)
else task(...args)

function request(method, path, bodyFile) {
  const body = bodyFile === undefined ? '' : readFileSync(bodyFile)
  const id = randomUUID()
  const signed = Buffer.concat([
    Buffer.from('tabmesh/http/1'),
    cbor([networkId, method, path, id, time, sha256(body)]),
  ])
  const signature = sign(null, signed, key).toString('hex')
  for (const [name, value] of Object.entries({ Key: self, Id: id, Time: time, Signature: signature })) {
    console.log('header = "Tabmesh-' + name + ': ' + value + '"')
  }
}

function task(taskType, programFile, inputFile) {
  const program = readFileSync(programFile)
  const input = readFileSync(inputFile)
  const task = {
    taskId: randomUUID(), jobId: null, index: 0, submitter: self,
    programHash: sha256(program), inputHash: sha256(input), seed: randomBytes(32).toString('hex'),
    limits: { fuel: 1e10, memoryBytes: 2 ** 28, stackBytes: 65536, outputBytes: 2 ** 20, logBytes: 65536,
      maxDurationSeconds: 60 },
    verification: { replicas: 3, quorum: 2, comparator: 'exact' },
    submittedAt: time,
  }
  const signed = Buffer.concat([
    Buffer.from('tabmesh/task/1'),
    Buffer.from(networkId, 'hex'),
    createHash('sha256').update(cbor(task)).digest(),
  ])
  console.log(JSON.stringify({
    task, taskType, signature: sign(null, signed, key).toString('hex'), programSizeBytes: program.length,
    input: { kind: 'inline', bytes: input.toString('hex') },
  }))
}

// Canonical CBOR (RFC 8949, 4.2.1) of texts, whole numbers, null, lists and objects.
function cbor(value) {
  if (value === null) return Buffer.from([0xf6])
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  if (typeof value === 'number') return head(0, value)
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(cbor)])
  const fields = Object.entries(value).map(([name, field]) => [cbor(name), cbor(field)])
  fields.sort(([a], [b]) => Buffer.compare(a, b))
  return Buffer.concat([head(5, fields.length), ...fields.flat()])
}

function head(kind, number) {
  if (number < 24) return Buffer.from([(kind << 5) + number])
  const size = number < 2 ** 8 ? 1 : number < 2 ** 16 ? 2 : number < 2 ** 32 ? 4 : 8
  const bytes = Buffer.alloc(9)
  bytes.writeBigUInt64BE(BigInt(number), 1)
  return Buffer.concat([Buffer.from([(kind << 5) + 24 + Math.log2(size)]), bytes.subarray(9 - size)])
}

function base58(bytes) {
  const digits = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
  let text = ''
  for (let n = BigInt('0x' + bytes.toString('hex')); n > 0n; n /= 58n) text = digits[Number(n % 58n)] + text
  return '1' + text
}
`

export const curlExample = `openssl genpkey -algorithm ed25519 -out key.pem
export RELAY=${exampleRelay}

# your jobs
node tabmesh-sign.mjs request GET /api/v1/jobs | curl --config - $RELAY/api/v1/jobs

# the program, a blob under its hash
echo 'export default (x) => 2 * x' > double.js
HASH=$(sha256sum double.js | cut -c1-64)
node tabmesh-sign.mjs request PUT /api/v1/blobs/$HASH double.js |
  curl --config - -X PUT -H 'content-type: application/octet-stream' --data-binary @double.js $RELAY/api/v1/blobs/$HASH

# a task
echo -n 21 > input.json
node tabmesh-sign.mjs task javascript double.js input.json > task.json
node tabmesh-sign.mjs request POST /api/v1/tasks task.json |
  curl --config - -H 'content-type: application/json' --data-binary @task.json $RELAY/api/v1/tasks

# what became of it
ID=$(node -p "JSON.parse(fs.readFileSync('task.json')).task.taskId")
node tabmesh-sign.mjs request GET /api/v1/tasks/$ID | curl --config - $RELAY/api/v1/tasks/$ID
`

export interface SigningVector {
  readonly seed: string
  readonly key: string
  readonly head: readonly string[]
  readonly body: string
  readonly signed: string
  readonly signature: string
}

/** One request with all its parts, to check another implementation with. */
export function signingVector(): SigningVector {
  const seed = Buffer.from(Array.from({ length: 32 }, (_, at) => at))
  const privateKey = createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
    ...{ format: 'der', type: 'pkcs8' },
  })
  const body = '{}'
  const head = {
    networkId: 'ab'.repeat(32) as Hash,
    method: 'POST',
    path: '/api/v1/jobs?x=1',
    id: '6f9619ff-8b86-4d01-b42d-00cf4fc964ff',
    time: '2025-01-31T12:00:00.000Z',
  }
  const bodyHash = createHash('sha256').update(body).digest('hex') as Hash
  const signed = requestSigningBytes(head, bodyHash)
  return {
    seed: toHex(seed),
    key: toHex(
      new Uint8Array(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32)),
    ),
    head: [...Object.values(head), bodyHash],
    body,
    signed: toHex(signed),
    signature: sign(null, signed, privateKey).toString('hex'),
  }
}
