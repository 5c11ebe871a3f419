import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import { BlobRefusal } from '../../shared/storage/blob-store.ts'
import { payloadBytesMax } from '../../shared/task/task.ts'
import { nodeSha256 } from '../keys/node-sha256.ts'
import type { HttpApp, HttpParts } from './parts.ts'
import { Problem } from './problem.ts'
import { blobParams } from './schemas.ts'
import { noRoom } from './submissions.ts'

export function blobRoutes(app: HttpApp, { api, signed }: HttpParts): void {
  const route = { ...signed, schema: { params: blobParams } }

  app.put('/api/v1/blobs/:hash', route, async (request, reply) => {
    const { hash } = request.params as { hash: Hash }
    const bytes = request.rawBody
    if (bytes === undefined) throw new Problem(400, 'MalformedRequest', 'body: missing')
    if (bytes.length > payloadBytesMax) {
      throw new Problem(413, 'PayloadTooLarge', 'Task payload exceeds 1 MB limit')
    }
    if (toHex(nodeSha256(bytes)) !== hash) {
      throw new Problem(422, 'HashMismatch', `The body is not the blob ${hash}: its SHA-256 is another`)
    }
    try {
      await api.blobs.put(bytes)
    } catch (error) {
      throw error instanceof BlobRefusal ? noRoom(error) : error
    }
    return reply.code(204).send()
  })

  // A hash is known to those who were given it; who may see what is sealed decides, not the address.
  app.get('/api/v1/blobs/:hash', route, async (request, reply) => {
    const { hash } = request.params as { hash: Hash }
    const bytes = await api.blobs.get(hash)
    if (bytes === undefined) throw new Problem(404, 'BlobNotFound', `No blob ${hash} is here`)
    return reply.type('application/octet-stream').send(Buffer.from(bytes))
  })
}
