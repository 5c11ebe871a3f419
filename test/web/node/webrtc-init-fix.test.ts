import { describe, expect, test } from 'vitest'
import { installInitChannelFix } from '../../../web/node/webrtc-init-fix.ts'

/** As much of a peer connection as the fix touches. */
function fakeConnection() {
  const made: { label: string; closed: boolean }[] = []
  class Connection {
    createDataChannel(label: string): RTCDataChannel {
      const channel = {
        label,
        readyState: 'connecting',
        closed: false,
        close(): void {
          channel.closed = true
        },
      }
      made.push(channel)
      return channel as unknown as RTCDataChannel
    }
  }
  return {
    Connection: Connection as unknown as { new (): RTCPeerConnection; prototype: RTCPeerConnection },
    made,
  }
}

describe('the throw-away channel', () => {
  test('is open at once and says that it closed, whatever the real one does', async () => {
    const { Connection, made } = fakeConnection()
    installInitChannelFix(Connection)
    const channel = new Connection().createDataChannel('init')
    expect(channel.readyState).toBe('open')
    channel.close()
    const closed = new Promise<string>((resolve) => {
      channel.addEventListener('close', ({ type }) => resolve(type))
    })
    expect(await closed).toBe('close')
    expect(made).toMatchObject([{ label: 'init', closed: true }])
  })

  test('every other channel is the real one', () => {
    const { Connection, made } = fakeConnection()
    installInitChannelFix(Connection)
    const channel = new Connection().createDataChannel('')
    expect(channel).toBe(made[0])
  })

  test('is replaced once, however often the fix is installed', () => {
    const { Connection, made } = fakeConnection()
    installInitChannelFix(Connection)
    const { createDataChannel } = Connection.prototype
    installInitChannelFix(Connection)
    expect(Connection.prototype.createDataChannel).toBe(createDataChannel)
    new Connection().createDataChannel('init')
    expect(made).toHaveLength(1)
  })
})
