import { randomUUID } from 'node:crypto'
import { Redis, ReplyError } from 'ioredis'
import type { HostLog } from '../../shared/host/host-log.ts'
import type { StoreRow } from '../../shared/storage/store.ts'
import type { KeyRange, NumberedGroup, StoreServer } from './remote-store.ts'
import { explainConnectionError, isCertificateError, placeOf } from './server-address.ts'

/*
 * Rows are a hash of key and value, and a sorted set of the keys, for listing them in order. One tag, so that a cluster
 * would keep them in one place.
 */
const rowsKey = '{tabmesh}:rows'
const namesKey = '{tabmesh}:names'
const writerPrefix = '{tabmesh}:writer:'
/** After so long nothing of a writer that ended is still on its way. */
const writerSeconds = 604_800

const connectMs = 5_000
/** A server that says nothing for so long is taken for gone. */
const answerMs = 10_000

/** KEYS rows, names, writer; ARGV number, seconds, `any` | `is` | `none`, fence key, fence value, then key, `+` | `-`, value. */
const writeScript = `
if tonumber(redis.call('GET', KEYS[3]) or '0') >= tonumber(ARGV[1]) then return 1 end
if ARGV[3] ~= 'any' then
  local now = redis.call('HGET', KEYS[1], ARGV[4])
  if ARGV[3] == 'none' then
    if now then return 0 end
  elseif now ~= ARGV[5] then
    return 0
  end
end
redis.call('SET', KEYS[3], ARGV[1], 'EX', ARGV[2])
for i = 6, #ARGV, 3 do
  if ARGV[i + 1] == '+' then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
    redis.call('ZADD', KEYS[2], 0, ARGV[i])
  else
    redis.call('HDEL', KEYS[1], ARGV[i])
    redis.call('ZREM', KEYS[2], ARGV[i])
  end
end
return 1`

/** KEYS rows, names; ARGV start, end, limit. Gives key, value, key, value … of one moment. */
const listScript = `
local names = redis.call('ZRANGEBYLEX', KEYS[2], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
local found = {}
for i = 1, #names, 1000 do
  local last = math.min(i + 999, #names)
  local values = redis.call('HMGET', KEYS[1], unpack(names, i, last))
  for j = i, last do
    found[#found + 1] = names[j]
    found[#found + 1] = values[j - i + 1]
  end
end
return found`

/** A Redis of version 6 or later. Writes have a connection of their own, reads share the others. */
export class RedisServer implements StoreServer {
  readonly kind = 'Redis'
  readonly place: string
  readonly #url: string
  readonly #log: HostLog
  readonly #writerKey = `${writerPrefix}${randomUUID()}`
  readonly #connections: (Promise<Redis> | undefined)[]
  #turn = 0

  constructor(url: string, connectionsMax: number, log: HostLog) {
    this.#url = url
    this.place = placeOf(url)
    this.#log = log
    this.#connections = Array.from({ length: connectionsMax })
  }

  async prepare(): Promise<void> {
    const redis = await this.#connection(0)
    await redis.ping()
    const lacks = await durabilityLacks(redis)
    if (lacks.length > 0)
      this.#log('warn', `Redis at ${this.place} may lose acknowledged writes: ${lacks.join('; ')}`)
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const value = await (await this.#reading()).hgetBuffer(rowsKey, key)
    return value === null ? undefined : new Uint8Array(value)
  }

  async list({ start, isAfter, end, limit }: KeyRange): Promise<StoreRow[]> {
    const redis = await this.#reading()
    const from = isAfter ? `(${start}` : `[${start}`
    const answer = await redis.callBuffer(
      'EVAL',
      listScript,
      2,
      rowsKey,
      namesKey,
      from,
      `(${end}`,
      limit ?? -1,
    )
    const found = answer as Buffer[]
    const rows: StoreRow[] = []
    for (let i = 0; i < found.length; i += 2)
      rows.push({ key: found[i]!.toString('latin1'), value: new Uint8Array(found[i + 1]!) })
    return rows
  }

  async write({ sequence, fence, changes }: NumberedGroup): Promise<'written' | 'fenced'> {
    const args: (string | number | Buffer)[] = [sequence, writerSeconds]
    if (fence === undefined) args.push('any', '', '')
    else args.push(fence.value === undefined ? 'none' : 'is', fence.key, asBuffer(fence.value))
    for (const [key, value] of changes) args.push(key, value === undefined ? '-' : '+', asBuffer(value))
    const redis = await this.#connection(0)
    const answer = await redis.eval(writeScript, 3, rowsKey, namesKey, this.#writerKey, ...args)
    return answer === 1 ? 'written' : 'fenced'
  }

  isPassing(error: unknown): boolean {
    if (!(error instanceof ReplyError)) return !isCertificateError(error)
    // A server that starts, is busy with a script, or was made a replica and is about to be replaced.
    return /^(LOADING|BUSY|TRYAGAIN|CLUSTERDOWN|MASTERDOWN) /.test((error as Error).message)
  }

  explain(error: unknown): string {
    const { message } = error as Error
    if (!(error instanceof ReplyError)) return explainConnectionError(error)
    if (/^(NOAUTH|WRONGPASS)|invalid password/i.test(message))
      return 'it refused the user or the password; check storage.url'
    if (/^OOM/.test(message)) return 'its memory is used up; raise maxmemory or make room'
    if (/^MISCONF/.test(message)) return 'it cannot write to its disk; look at its log'
    if (/^READONLY/.test(message)) return 'it is a read-only replica; name the primary in storage.url'
    if (/^NOPERM/.test(message)) return `this user may not do what a store needs: ${message}`
    return message
  }

  async close(): Promise<void> {
    const open = this.#connections.splice(0)
    await Promise.allSettled(open.map(async (connection) => (await connection)?.quit()))
  }

  #reading(): Promise<Redis> {
    const others = this.#connections.length - 1
    this.#turn += 1
    return this.#connection(others <= 0 ? 0 : 1 + (this.#turn % others))
  }

  #connection(at: number): Promise<Redis> {
    const connection = this.#connections[at] ?? this.#connect(at)
    this.#connections[at] = connection
    return connection
  }

  /** Retries are the store's, in the order of its writes; a lost connection is only forgotten here. */
  async #connect(at: number): Promise<Redis> {
    const redis = new Redis(this.#url, {
      lazyConnect: true,
      connectTimeout: connectMs,
      socketTimeout: answerMs,
      retryStrategy: null,
      maxRetriesPerRequest: null,
      autoResendUnfulfilledCommands: false,
      enableOfflineQueue: false,
      maxLoadingRetryTime: answerMs,
    })
    let reason: unknown
    redis.on('error', (error) => {
      reason = error
    })
    redis.on('end', () => {
      this.#connections[at] = undefined
    })
    try {
      await redis.connect()
      return redis
    } catch (error) {
      this.#connections[at] = undefined
      redis.disconnect()
      throw reason ?? error
    }
  }
}

async function durabilityLacks(redis: Redis): Promise<string[]> {
  try {
    const answer = (await redis.call('CONFIG', 'GET', 'append*')) as string[]
    const policy = (await redis.call('CONFIG', 'GET', 'maxmemory-policy')) as string[]
    const setting = (name: string): string | undefined => answer[answer.indexOf(name) + 1]
    const lacks: string[] = []
    if (setting('appendonly') !== 'yes') lacks.push('set appendonly yes')
    if (setting('appendfsync') !== 'always') lacks.push('set appendfsync always')
    if (policy[1]?.startsWith('allkeys-')) lacks.push('set maxmemory-policy noeviction')
    return lacks
  } catch (error) {
    if (!(error instanceof ReplyError)) throw error
    return ['it does not tell its settings; make sure of appendonly yes and appendfsync always']
  }
}

const asBuffer = (value: Uint8Array | undefined): Buffer =>
  value === undefined ? Buffer.alloc(0) : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
