import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Client } from '../../shared/client/client.ts'
import { ClientError } from '../../shared/client/client-error.ts'
import { inWords } from '../file-words.ts'
import { syncDirectory } from '../storage/files.ts'
import { callersPath } from './files.ts'

/** Answers that break off before it is given up. */
const triesMax = 5

/**
 * Writes the receipt of a job or a task, whatever its size, as a whole or not at all. Resolves to what there is to say,
 * and whether it is there. Rejects with a ClientError when the relay is away.
 */
export async function writeReceipt(
  client: Pick<Client, 'receiptParts'>,
  id: string,
  name: string,
): Promise<{ readonly isWritten: boolean; readonly message: string }> {
  const path = callersPath(name)
  for (let tries = 1; ; tries++) {
    const temporary = join(dirname(path), `.tmp-${randomBytes(8).toString('hex')}`)
    try {
      await writeParts(temporary, client.receiptParts(id))
      await rename(temporary, path)
      await syncDirectory(dirname(path))
      return { isWritten: true, message: `receipt written to ${name}` }
    } catch (error) {
      await rm(temporary, { force: true })
      if (!(error instanceof ClientError)) {
        return {
          isWritten: false,
          message: `the receipt could not be written to ${name} (${inWords(error)})`,
        }
      }
      if (error.code === 'Refused') return { isWritten: false, message: `no receipt: ${error.message}` }
      if (error.code !== 'Unreachable' || tries >= triesMax) throw error
    }
  }
}

async function writeParts(path: string, parts: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx', 0o644)
  try {
    for await (const part of parts) await file.writeFile(part)
    await file.sync()
  } finally {
    await file.close()
  }
}
