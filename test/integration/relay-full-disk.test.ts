import { createHash } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { RelayClient } from '../bench/http/relay-client.ts'
import { describeOnSmallDisk, SmallDisk } from '../support/small-disk.ts'
import { ProcessNetwork } from '../support/tabmesh-processes.ts'

const MiB = 2 ** 20

describeOnSmallDisk('TSK-14 STO-02 a relay whose disk becomes full', () => {
  let disk: SmallDisk
  let network: ProcessNetwork
  let client: RelayClient

  beforeEach(async () => {
    disk = SmallDisk.mount(24 * MiB)
    network = await ProcessNetwork.start(0, { folder: disk.path })
    client = await RelayClient.connect(network.url)
    await client.uploadProgram()
  })
  afterEach(async () => {
    client.close()
    await network.close()
    disk.unmount()
  })

  const submit = async (input: string): Promise<string> => {
    const submission = await client.submission(Buffer.from(input))
    const answer = await client.send(await client.signed('POST', '/api/v1/tasks', JSON.stringify(submission)))
    if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text}`)
    return submission.task.taskId
  }

  const upload = async (blob: Buffer) => {
    const hash = createHash('sha256').update(blob).digest('hex')
    const put = await client.signed('PUT', `/api/v1/blobs/${hash}`, blob)
    return await client.send({
      ...put,
      headers: { ...put.headers, 'content-type': 'application/octet-stream' },
    })
  }

  const statusOf = async (taskId: string): Promise<unknown> => {
    const { status, text } = await client.send(await client.signed('GET', `/api/v1/tasks/${taskId}`))
    expect(status, text).toBe(200)
    return JSON.parse(text).status
  }

  test('refuses blobs with 507, keeps what it has, and takes them again when there is room', async () => {
    const taskId = await submit('1')
    const blob = Buffer.alloc(2 * MiB, 7)
    // What the relay writes of itself still fits.
    disk.fill(MiB)
    const refused = await upload(blob)
    expect(refused.status, refused.text).toBe(507)
    expect(JSON.parse(refused.text)).toMatchObject({ code: 'StorageFull' })
    expect(await statusOf(taskId)).toBe('pending')
    disk.empty()
    const taken = await upload(blob)
    expect(taken.status, taken.text).toBeLessThan(300)
  })

  test('ends with the reason when it can keep no task, and has every task that it accepted when it starts again', async () => {
    const accepted: string[] = []
    for (let n = 0; n < 20; n++) accepted.push(await submit(String(n)))
    disk.fill()
    let failure: unknown
    for (let n = 0; n < 2_000 && failure === undefined; n++) {
      await submit(`"${'x'.repeat(4_000)}${n}"`).then(
        (taskId) => accepted.push(taskId),
        (error: unknown) => {
          failure = error
        },
      )
    }
    expect(failure, 'the disk was not full').toBeDefined()
    const { code, stderr } = await network.relayEnded()
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^tabmesh: stopped, because its state can no longer be kept: .*(?:full|no space)/im,
    )
    disk.empty()
    await network.startRelay()
    for (const taskId of accepted) expect(await statusOf(taskId), taskId).toBe('pending')
    expect(await statusOf(await submit('"again"'))).toBe('pending')
  })
})
