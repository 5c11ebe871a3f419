import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FastifyReply } from 'fastify'
import type { OpenStream } from './open-streams.ts'

/** A client that vanished without a word is noticed after this. */
const keepAliveMs = 30_000
export const slowReaderMs = 30_000

/**
 * Sends texts as they come until there are no more, the reader leaves, or the relay closes. A reader that takes nothing
 * of what waits for it for `slowMs` is cut: memory and one of few places are held for it.
 */
export async function holdAnswer(
  reply: FastifyReply,
  stream: OpenStream,
  type: string,
  texts: AsyncIterable<string>,
  slowMs: number,
): Promise<void> {
  const { raw } = reply
  let watch: NodeJS.Timeout | undefined
  try {
    reply.hijack()
    raw.on('close', () => stream.close())
    raw.writeHead(200, {
      'content-type': type,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-accel-buffering': 'no',
    })
    // At once, since the first text may be long in coming.
    raw.flushHeaders()
    raw.socket?.setKeepAlive(true, keepAliveMs)
    watch = watchReader(reply, slowMs)
    await pipeline(Readable.from(texts), raw, { signal: stream.signal })
  } catch {
    // The reader left, or the relay is closing: either way nobody is there to be told.
    raw.destroy()
  } finally {
    clearInterval(watch)
    stream.close()
  }
}

function watchReader({ raw }: FastifyReply, slowMs: number): NodeJS.Timeout {
  const { socket } = raw
  const waiting = () => raw.writableLength + (socket?.writableLength ?? 0)
  let taken = socket?.bytesWritten ?? 0
  let takenAt = performance.now()
  return setInterval(
    () => {
      const now = (socket?.bytesWritten ?? 0) - waiting()
      if (waiting() === 0 || now !== taken) {
        taken = now
        takenAt = performance.now()
      } else if (performance.now() - takenAt >= slowMs) {
        raw.destroy()
      }
    },
    Math.ceil(slowMs / 4),
  )
}
