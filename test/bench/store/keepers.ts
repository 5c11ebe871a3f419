import { mkdir, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import writeFileAtomic from 'write-file-atomic'
import { FilesStore } from '../../../relay/storage/files-store.ts'
import { PostgresServer } from '../../../relay/storage/postgres-server.ts'
import { RedisServer } from '../../../relay/storage/redis-server.ts'
import { RemoteStore } from '../../../relay/storage/remote-store.ts'
import { SqliteStore } from '../../../relay/storage/sqlite-store.ts'
import type { Store } from '../../../shared/storage/store.ts'
import { PostgresProcess, postgresProgram } from '../../support/servers/postgres-process.ts'
import { RedisProcess, redisProgram } from '../../support/servers/redis-process.ts'
import type { Keeper } from './small-writes.ts'

/** A keeper that is to be ended. */
export interface OpenKeeper extends Keeper {
  close(): Promise<void>
}

/** About what fills a journal of the files store, whose rows then go into their files. */
const journalWrites = 32_768

const quiet = (): void => undefined

/** The stores of this project, and what they are measured against, each on the same disk. */
export const keepers = {
  sqlite: async (folder: string) => ofStore(await SqliteStore.open(join(folder, 'state.sqlite'))),
  files: async (folder: string): Promise<OpenKeeper> => {
    const store = await FilesStore.open(join(folder, 'state'), quiet)
    return { ...ofStore(store), turn: { writes: journalWrites, settle: () => store.settle() } }
  },
  redis: async () => {
    const server = await RedisProcess.start()
    return ofStore(await RemoteStore.open(new RedisServer(server.url, 4, quiet), quiet), server)
  },
  postgres: async () => {
    const server = await PostgresProcess.start()
    return ofStore(await RemoteStore.open(new PostgresServer(server.url, 4, quiet), quiet), server)
  },
  writeFileAtomic: async (folder: string): Promise<OpenKeeper> => {
    const directory = join(folder, 'write-file-atomic')
    await mkdir(directory)
    return {
      write: (key, value) => writeFileAtomic(join(directory, key.replaceAll('/', '-')), Buffer.from(value)),
      close: async () => undefined,
    }
  },
  /** `appendonly yes`, `appendfsync always`; commands of one moment share a packet. */
  plainRedis: async (): Promise<OpenKeeper> => {
    const server = await RedisProcess.start()
    const redis = new Redis(server.url, { enableAutoPipelining: true })
    return {
      write: (key, value) => redis.set(key, Buffer.from(value)),
      async close() {
        redis.disconnect()
        await server.stop()
      },
    }
  },
} satisfies Record<string, (folder: string) => Promise<OpenKeeper>>

/** Programs that have to be installed for some of them. */
export const programOf: Partial<
  Record<keyof typeof keepers, { readonly name: string; readonly path: string | undefined }>
> = {
  redis: { name: 'redis-server', path: redisProgram },
  plainRedis: { name: 'redis-server', path: redisProgram },
  postgres: { name: 'initdb', path: postgresProgram },
}

function ofStore(store: Store, server?: { stop(): Promise<void> }): OpenKeeper {
  return {
    write: (key, value) => store.batch([{ key, value }]),
    async close() {
      await store.close()
      await server?.stop()
    },
  }
}

const tmpfsMagic = 0x01021994

/** In memory nothing is ever written to a disk, and waiting for it costs nothing. */
export async function checkTemporaryFolder(): Promise<void> {
  const { type } = await statfs(tmpdir())
  if (process.platform === 'linux' && type === tmpfsMagic)
    throw new Error(`${tmpdir()} is in memory: set TMPDIR to a folder on a disk`)
}
