import { randomUUID } from 'node:crypto'
import pg from 'pg'
import type { HostLog } from '../../shared/host/host-log.ts'
import type { StoreRow } from '../../shared/storage/store.ts'
import type { KeyRange, NumberedGroup, StoreServer } from './remote-store.ts'
import { explainConnectionError, isCertificateError, placeOf } from './server-address.ts'

/*
 * Keys are bytea: their order is that of their bytes whatever the database's language, and NUL is a character. The
 * schema is one of its own, which Supabase does not serve to browsers. Nothing here needs a session: poolers that hand
 * out a connection per transaction will do.
 */
const schema = `
SELECT pg_advisory_xact_lock(7812339051);
CREATE SCHEMA IF NOT EXISTS tabmesh;
CREATE TABLE IF NOT EXISTS tabmesh.rows (key bytea PRIMARY KEY, value bytea NOT NULL);
CREATE TABLE IF NOT EXISTS tabmesh.writers (id uuid PRIMARY KEY, sequence bigint NOT NULL, at timestamptz NOT NULL);`

/**
 * $1 writer, $2 number, $3 and $4 keys and values to put, $5 keys to delete; the fence is put in its place. One
 * statement, so one round trip and one transaction. Whatever depends on `turn` happens once for a number.
 */
const writeStatement = (fence: string): string => `
WITH fence AS (${fence}),
turn AS (
  INSERT INTO tabmesh.writers AS w (id, sequence, at)
  SELECT $1::uuid, $2::bigint, now() WHERE EXISTS (SELECT FROM fence)
  ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, at = excluded.at WHERE w.sequence < excluded.sequence
  RETURNING 1
),
puts AS (
  INSERT INTO tabmesh.rows AS r (key, value)
  SELECT key, value FROM unnest($3::bytea[], $4::bytea[]) AS puts (key, value) WHERE EXISTS (SELECT FROM turn)
  ON CONFLICT (key) DO UPDATE SET value = excluded.value
),
deletes AS (
  DELETE FROM tabmesh.rows WHERE key = ANY ($5::bytea[]) AND EXISTS (SELECT FROM turn)
)
SELECT EXISTS (SELECT FROM turn)
  OR EXISTS (SELECT FROM tabmesh.writers WHERE id = $1::uuid AND sequence >= $2::bigint) AS written`

const writeAnyway = writeStatement('SELECT 1')
/** The lock makes another who changes the row wait until this is written, or this wait for him and see the row anew. */
const writeIf = writeStatement('SELECT 1 FROM tabmesh.rows WHERE key = $6 AND value = $7 FOR UPDATE')
const writeUnless = writeStatement('SELECT 1 WHERE NOT EXISTS (SELECT FROM tabmesh.rows WHERE key = $6)')

const settingsQuery = `
SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
  to_regclass('tabmesh.rows') IS NOT NULL AND to_regclass('tabmesh.writers') IS NOT NULL AS ready`

const connectMs = 5_000
/** A server that says nothing for so long is taken for gone. */
const answerMs = 10_000

/** A PostgreSQL of version 12 or later; Supabase by its connection string. */
export class PostgresServer implements StoreServer {
  readonly kind = 'PostgreSQL'
  readonly place: string
  readonly #pool: pg.Pool
  readonly #log: HostLog
  readonly #writer = randomUUID()

  constructor(url: string, connectionsMax: number, log: HostLog) {
    this.place = placeOf(url)
    this.#log = log
    this.#pool = new pg.Pool({
      connectionString: url,
      max: connectionsMax,
      connectionTimeoutMillis: connectMs,
      query_timeout: answerMs,
      keepAlive: true,
      application_name: 'tabmesh',
    })
    // A connection lost while idle is replaced when one is needed.
    this.#pool.on('error', () => undefined)
  }

  async prepare(): Promise<void> {
    const { rows } = await this.#pool.query<{ fsync: string; commit: string; ready: boolean }>(settingsQuery)
    // Several statements in one message are one transaction. Making what is there needs rights that using it does not.
    if (!rows[0]?.ready) await this.#pool.query(schema)
    await this.#pool.query("DELETE FROM tabmesh.writers WHERE at < now() - interval '7 days'")
    const lacks: string[] = []
    if (rows[0]?.fsync === 'off') lacks.push('set fsync = on')
    if (rows[0]?.commit === 'off') lacks.push('set synchronous_commit = on')
    if (lacks.length > 0)
      this.#log('warn', `PostgreSQL at ${this.place} may lose acknowledged writes: ${lacks.join('; ')}`)
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const { rows } = await this.#pool.query<{ value: Buffer }>(
      'SELECT value FROM tabmesh.rows WHERE key = $1',
      [bytesOf(key)],
    )
    return rows[0] && new Uint8Array(rows[0].value)
  }

  async list({ start, isAfter, end, limit }: KeyRange): Promise<StoreRow[]> {
    const { rows } = await this.#pool.query<{ key: Buffer; value: Buffer }>(
      `SELECT key, value FROM tabmesh.rows WHERE key ${isAfter ? '>' : '>='} $1 AND key < $2 ORDER BY key LIMIT $3`,
      [bytesOf(start), bytesOf(end), limit ?? null],
    )
    return rows.map(({ key, value }) => ({ key: key.toString('latin1'), value: new Uint8Array(value) }))
  }

  async write({ sequence, fence, changes }: NumberedGroup): Promise<'written' | 'fenced'> {
    const puts: [Buffer, Uint8Array][] = []
    const deletes: Buffer[] = []
    // In the order of the keys, so that two writers never wait for each other.
    for (const [key, value] of [...changes].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (value === undefined) deletes.push(bytesOf(key))
      else puts.push([bytesOf(key), value])
    }
    const values: unknown[] = [
      this.#writer,
      sequence,
      puts.map(([key]) => key),
      puts.map(([, value]) => asBuffer(value)),
      deletes,
    ]
    if (fence === undefined) return outcomeOf(await this.#pool.query(writeAnyway, values))
    values.push(bytesOf(fence.key))
    if (fence.value === undefined) return await this.#writeUnless(values)
    return outcomeOf(await this.#pool.query(writeIf, [...values, asBuffer(fence.value)]))
  }

  isPassing(error: unknown): boolean {
    const { code } = error as { code?: string }
    // What has no SQLSTATE did not come from the server. Class 08: connection; 40: deadlock; 57P0x: shutdown, start.
    if (!isSqlState(code)) return !isMisuse(error) && !isCertificateError(error)
    return /^(08|40001|40P01|53300|57P0[1-3])/.test(code)
  }

  explain(error: unknown): string {
    const { code, message } = error as { code?: string; message: string }
    if (!isSqlState(code)) return isMisuse(error) ? message : explainConnectionError(error)
    switch (code) {
      case '28P01':
      case '28000':
        return 'it refused the user or the password; check storage.url'
      case '3D000':
        return 'it has no such database; create it or check storage.url'
      case '25006':
        return 'it is read-only; name the primary in storage.url'
      case '42501':
        return 'this user may not write there; give it the right to create in the database'
      case '53100':
        return 'its disk is full; make room there'
      default:
        return message
    }
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }

  /** No row can be locked that is not there: rare, so the table is. */
  async #writeUnless(values: readonly unknown[]): Promise<'written' | 'fenced'> {
    const client = await this.#pool.connect()
    let failure: Error | undefined
    // A connection lost between two statements is reported by the next one.
    const ignore = (): void => undefined
    client.on('error', ignore)
    try {
      await client.query('BEGIN')
      await client.query('LOCK TABLE tabmesh.rows IN SHARE ROW EXCLUSIVE MODE')
      const outcome = outcomeOf(await client.query(writeUnless, [...values]))
      await client.query('COMMIT')
      return outcome
    } catch (error) {
      failure = error as Error
      throw error
    } finally {
      // With an error the connection is closed, and what was begun on it undone.
      client.release(failure)
      if (failure === undefined) client.off('error', ignore)
    }
  }
}

const outcomeOf = ({ rows }: pg.QueryResult<{ written: boolean }>): 'written' | 'fenced' =>
  rows[0]?.written ? 'written' : 'fenced'

const isSqlState = (code: unknown): code is string => typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)

/** A URL or a setting that the library itself refuses. */
const isMisuse = (error: unknown): boolean =>
  error instanceof TypeError || (error as { code?: string }).code === 'ERR_INVALID_URL'

const bytesOf = (key: string): Buffer => Buffer.from(key)

const asBuffer = (value: Uint8Array): Buffer => Buffer.from(value.buffer, value.byteOffset, value.byteLength)
