import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Hash } from '../../shared/kernel/ids.ts'
import { type BlobStore, blobBytesMax, chunkBytesMax } from '../../shared/storage/blob-store.ts'
import { payloadBytesMax } from '../../shared/task/task.ts'
import { blobPartSchema } from './answers.ts'
import { blobTooLarge, hashOfBody, ownerOf, storeBody, storePart } from './blob-upload.ts'
import { blobRoute } from './bodies.ts'
import { about, count } from './fields.ts'
import type { HttpApp } from './http-app.ts'
import { type Operation, optionsOf } from './operation.ts'
import type { HttpParts } from './parts.ts'
import { Problem } from './problem.ts'
import { blobParams, blobPartQuery } from './schemas.ts'

/** A body that is not what its address says is read to the end only up to this size, to say what is wrong with it. */
const explainedBytesMax = 1024 * 1024
/** How many bytes of an unfinished upload of the sender's are here. */
const receivedHeader = 'tabmesh-received'

const bytes = Type.Unsafe<string>({ description: 'The bytes' })
const received = {
  [receivedHeader]: { text: 'How many bytes of your unfinished upload are here', schema: count },
}
const aBlob = { section: 'blobs', isSigned: true, params: blobParams } as const
const noBody = ['LengthRequired', 'HashMismatch', 'StorageFull', 'PayloadTooLarge'] as const

const operations = {
  put: {
    ...{ ...aBlob, id: 'putBlob', summary: 'Make a program or an input known' },
    text: 'Up to 64 MiB, named by its SHA-256, and kept while a task needs it and 7 days after its last use. In one request; or in parts of at most 1 MiB with `offset` and `total`, one after the other, each signed: for connections that break.',
    query: blobPartQuery,
    body: { type: 'application/octet-stream', text: 'The bytes, or a part of them', schema: bytes },
    bodyBytesMax: blobBytesMax,
    answers: {
      202: {
        text: 'The part is here, others are missing',
        content: { type: 'application/json', schema: blobPartSchema },
        headers: received,
      },
      204: { text: 'The whole blob is here' },
    },
    problems: [...noBody, 'PartTooLarge', 'WrongOffset', 'BadRange', 'UploadUnderWay'],
  },
  get: {
    ...{ ...aBlob, id: 'getBlob', summary: 'A program, an input or a large output' },
    text: 'Whoever knows the hash may have the bytes. `HEAD` tells the size, or with 404 how far an upload of yours has come.',
    headers: {
      range: { text: 'One range of bytes', schema: about(Type.String(), 'bytes=0-1048575') },
    },
    answers: {
      200: { text: 'The bytes', content: { type: 'application/octet-stream', schema: bytes } },
      206: { text: 'The range of them', content: { type: 'application/octet-stream', schema: bytes } },
    },
    problems: ['BlobNotFound', 'RangeNotSatisfiable'],
  },
} as const satisfies Readonly<Record<string, Operation>>

/** Blobs are streamed both ways: no request holds more than a few hundred KiB of one in memory. */
export function blobRoutes(app: HttpApp, parts: HttpParts): void {
  const { api, signed, authentication } = parts
  void app.register((scope, _options, registered) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      'application/octet-stream',
      async (_request: FastifyRequest, body: Readable) => body,
    )
    scope.put(
      blobRoute,
      // The body is not here when the signature is looked at: see `putWhole`.
      { ...optionsOf(operations.put, parts), onRequest: signed.onRequest, preValidation: [] },
      async (request, reply) => {
        const { hash } = request.params as { hash: Hash }
        const { offset, total } = request.query as { offset?: string; total?: string }
        const body = request.body as Readable | undefined
        if (!(body instanceof Readable)) {
          await authentication.sender(request)
          throw new Problem('MalformedRequest', 'body: missing')
        }
        if (offset !== undefined || total !== undefined) {
          return await putPart(request, reply, hash, body, Number(offset ?? 0), Number(total ?? Number.NaN))
        }
        await putWhole(request, hash, body)
        return reply.code(204).send()
      },
    )

    // A hash is known to those who were given it; who may see what is sealed decides, not the address.
    scope.get(blobRoute, optionsOf(operations.get, parts), async (request, reply) => {
      const { hash } = request.params as { hash: Hash }
      const totalBytes = await api.blobs.sizeOf(hash)
      if (totalBytes === undefined) {
        const draft = await api.blobs.draftOf(hash, ownerOf(request.sender!))
        if (draft !== undefined) reply.header(receivedHeader, draft.receivedBytes)
        throw new Problem('BlobNotFound', `No blob ${hash} is here`)
      }
      reply
        .type('application/octet-stream')
        .header('accept-ranges', 'bytes')
        .header('etag', `"${hash}"`)
        .header('cache-control', 'private, max-age=31536000, immutable')
      const range = rangeOf(request.headers.range, totalBytes)
      if (range === 'unsatisfiable') {
        reply.header('content-range', `bytes */${totalBytes}`)
        throw new Problem('RangeNotSatisfiable', `The blob ${hash} has ${totalBytes} bytes`)
      }
      if (range !== undefined) {
        reply.code(206).header('content-range', `bytes ${range.start}-${range.end - 1}/${totalBytes}`)
      }
      const { start, end } = range ?? { start: 0, end: totalBytes }
      reply.header('content-length', end - start)
      if (request.method === 'HEAD') return reply.send(Readable.from([]))
      const pieces = piecesOf(api.blobs, hash, start, end)
      // Read before the head of the answer leaves, since a damaged copy is noticed only now.
      const first = await pieces.next()
      return reply.send(Readable.from(withFirst(first, pieces), { objectMode: false }))
    })
    registered()
  })

  /**
   * The address says what the body's SHA-256 has to be, so that the signature is checked before the body is there, and
   * nobody without a key makes the relay write.
   */
  async function putWhole(request: FastifyRequest, hash: Hash, body: Readable): Promise<void> {
    const length = Number(request.headers['content-length'] ?? Number.NaN)
    try {
      request.sender = await authentication.senderOf(request, hash)
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'BadSignature' || !(length <= explainedBytesMax)) {
        throw error
      }
      request.sender = await authentication.senderOf(request, await hashOfBody(body))
      throw new Problem('HashMismatch', `The body is not the blob ${hash}: its SHA-256 is another`)
    }
    if (Number.isNaN(length)) throw new Problem('LengthRequired', 'The header content-length is missing')
    if (length > blobBytesMax) throw blobTooLarge()
    await storeBody(api.blobs, hash, length, body)
  }

  async function putPart(
    request: FastifyRequest,
    reply: FastifyReply,
    hash: Hash,
    body: Readable,
    offset: number,
    totalBytes: number,
  ): Promise<FastifyReply> {
    if (Number.isNaN(totalBytes)) throw new Problem('MalformedRequest', 'query.total: missing')
    if (totalBytes > blobBytesMax) throw blobTooLarge()
    const bytes = await wholeOf(body)
    request.sender = await authentication.sender(request, bytes)
    if ((await api.blobs.sizeOf(hash)) === totalBytes) return reply.code(204).send()
    const receivedBytes = await storePart(api.blobs, hash, request.sender, { offset, totalBytes, bytes })
    if (receivedBytes === totalBytes) return reply.code(204).send()
    return reply.code(202).header(receivedHeader, receivedBytes).send({ receivedBytes, totalBytes })
  }
}

async function wholeOf(body: Readable): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const bytes of body) {
    parts.push(bytes as Uint8Array)
    length += (bytes as Uint8Array).length
    if (length > payloadBytesMax) throw new Problem('PartTooLarge', 'A part of a blob has at most 1 MiB')
  }
  return new Uint8Array(Buffer.concat(parts))
}

async function* piecesOf(
  blobs: BlobStore,
  hash: Hash,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  const unpin = blobs.pin(hash)
  try {
    for (let at = start; at < end; ) {
      const bytes = await blobs.read(hash, at, Math.min(chunkBytesMax, end - at))
      if (bytes === undefined || bytes.length === 0) {
        throw new Problem('BlobNotFound', `No blob ${hash} is here any more`)
      }
      yield bytes
      at += bytes.length
    }
  } finally {
    unpin()
  }
}

async function* withFirst(
  first: IteratorResult<Uint8Array>,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (first.done !== true) yield first.value
  yield* rest
}

/** One range of bytes (RFC 9110, 14.1.2); anything else is no range, and the whole is sent. */
function rangeOf(
  header: string | undefined,
  totalBytes: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '')
  if (match === null) return undefined
  const [, from, to] = match
  if (from === '' && to === '') return undefined
  const start = from === '' ? Math.max(0, totalBytes - Number(to)) : Number(from)
  const end = from === '' || to === '' ? totalBytes : Math.min(totalBytes, Number(to) + 1)
  return start < end ? { start, end } : 'unsatisfiable'
}
