/** The data channel that @libp2p/webrtc opens only so that ICE has something to negotiate. */
const throwAwayLabel = 'init'

/**
 * @libp2p/webrtc 6.0.33 waits for its throw-away channel to open and then to close. The other end closes it too, as
 * soon as it sees it; when that comes first, the dialler waits for an event that has passed, and the dial hangs until
 * its timeout (2 of 25 dials in Chromium). The stand-in says at once what the dialler waits for; the real channel is
 * still made and closed, and its id is not used again before the browser has let it go.
 */
export function installInitChannelFix(
  connection: { prototype: RTCPeerConnection } = RTCPeerConnection,
): void {
  const { prototype } = connection
  const original = prototype.createDataChannel
  if (patched.has(original)) return
  const replacement = function (
    this: RTCPeerConnection,
    label: string,
    options?: RTCDataChannelInit,
  ): RTCDataChannel {
    const channel = original.call(this, label, options)
    return label === throwAwayLabel ? standIn(channel) : channel
  }
  patched.add(replacement)
  prototype.createDataChannel = replacement
}

const patched = new WeakSet<RTCPeerConnection['createDataChannel']>()

function standIn(channel: RTCDataChannel): RTCDataChannel {
  const events = new EventTarget()
  const shown = Object.assign(events, {
    label: throwAwayLabel,
    readyState: 'open',
    close: () => {
      channel.close()
      // After the dialler had the time to listen for it.
      queueMicrotask(() => events.dispatchEvent(new Event('close')))
    },
  })
  // Of a channel's members the dialler uses these, and events.
  return shown as unknown as RTCDataChannel
}
