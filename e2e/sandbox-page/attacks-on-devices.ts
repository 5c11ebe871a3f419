import type { Attack } from './sandbox-attack.ts'

/** The machine and its user. Each asks as a page would; a grant or an answer is the failure. */

/** A method that gives what it guards, or refuses. */
const asks = (name: string, from: Attack['from'], deed: Attack['deed']): Attack => ({ name, from, deed })

export const deviceAttacks: readonly Attack[] = [
  asks(
    'location',
    'document',
    ({ need }) =>
      new Promise((resolve, reject) =>
        need('navigator').geolocation.getCurrentPosition(
          () => resolve('REACHED'),
          () => reject(new Error()),
        ),
      ),
  ),
  asks('camera', 'document', async ({ need }) => {
    await need('navigator').mediaDevices.getUserMedia({ video: true, audio: true })
    return 'REACHED'
  }),
  asks('screen', 'document', async ({ need }) => {
    await need('navigator').mediaDevices.getDisplayMedia()
    return 'REACHED'
  }),
  asks('labels of devices', 'document', async ({ need }) => {
    const devices: { label: string }[] = await need('navigator').mediaDevices.enumerateDevices()
    return devices.some(({ label }) => label !== '') ? 'REACHED' : 'blocked by blanks'
  }),
  asks(
    'clipboard read',
    'document',
    async ({ need }) => `REACHED ${await need('navigator').clipboard.readText()}`,
  ),
  asks('clipboard written', 'document', async ({ need }) => {
    await need('navigator').clipboard.writeText('planted')
    return 'REACHED'
  }),
  asks('clipboard by command', 'document', ({ world }) =>
    world['document'].execCommand('paste') === true ? 'REACHED' : 'blocked by refusal',
  ),
  asks('credentials', 'document', async ({ need }) => {
    const found = await need('navigator').credentials.get({ password: true, mediation: 'silent' })
    return found === null ? 'blocked by null' : 'REACHED'
  }),
  asks('passkey', 'document', async ({ need }) => {
    await need('navigator').credentials.get({ publicKey: { challenge: new Uint8Array(32) } })
    return 'REACHED'
  }),
  asks('one-time code', 'document', async ({ need }) => {
    await need('navigator').credentials.get({ otp: { transport: ['sms'] } })
    return 'REACHED'
  }),
  asks('USB', 'anywhere', async ({ need }) => {
    const devices = await need('navigator').usb.requestDevice({ filters: [] })
    return `REACHED ${devices}`
  }),
  asks(
    'USB listed',
    'anywhere',
    async ({ need }) => `REACHED ${(await need('navigator').usb.getDevices()).length}`,
  ),
  asks('HID', 'anywhere', async ({ need }) => `REACHED ${(await need('navigator').hid.getDevices()).length}`),
  asks(
    'serial ports',
    'anywhere',
    async ({ need }) => `REACHED ${(await need('navigator').serial.getPorts()).length}`,
  ),
  asks('Bluetooth', 'document', async ({ need }) => {
    await need('navigator').bluetooth.requestDevice({ acceptAllDevices: true })
    return 'REACHED'
  }),
  asks('MIDI', 'document', async ({ need }) => `REACHED ${await need('navigator').requestMIDIAccess()}`),
  asks('accelerometer', 'document', ({ need, event }) => {
    const sensor = new (need('Accelerometer'))()
    const end = event(sensor, ['reading', 'activate'], ['error'])
    sensor.start()
    return end
  }),
  asks('gyroscope', 'document', ({ need, event }) => {
    const sensor = new (need('Gyroscope'))()
    const end = event(sensor, ['reading', 'activate'], ['error'])
    sensor.start()
    return end
  }),
  asks('wake lock', 'document', async ({ need }) => {
    await need('navigator').wakeLock.request('screen')
    return 'REACHED'
  }),
  asks('idleness', 'anywhere', async ({ need }) => {
    await new (need('IdleDetector'))().start({})
    return 'REACHED'
  }),
  asks('notification', 'anywhere', async ({ need }) => {
    const answer = need('Notification').permission
    if (answer !== 'denied') await need('Notification').requestPermission()
    return need('Notification').permission === 'granted' ? 'REACHED' : 'blocked by refusal'
  }),
  asks('push', 'anywhere', async ({ need }) => {
    const registration = await need('navigator').serviceWorker.ready
    await registration.pushManager.subscribe({ userVisibleOnly: true })
    return 'REACHED'
  }),
  asks('files by a picker', 'document', async ({ need }) => {
    await need('showOpenFilePicker')()
    return 'REACHED'
  }),
  asks('colour of the screen', 'document', async ({ need }) => {
    await new (need('EyeDropper'))().open()
    return 'REACHED'
  }),
  asks(
    'fonts of the machine',
    'document',
    async ({ need }) => `REACHED ${(await need('queryLocalFonts')()).length}`,
  ),
  asks('screens', 'document', async ({ need }) => `REACHED ${await need('getScreenDetails')()}`),
  asks('sharing', 'document', async ({ need }) => {
    await need('navigator').share({ text: 'secret' })
    return 'REACHED'
  }),
  asks('full screen', 'document', async ({ world }) => {
    await world['document'].documentElement.requestFullscreen()
    return 'REACHED'
  }),
  asks('pointer lock', 'document', async ({ world }) => {
    await world['document'].documentElement.requestPointerLock()
    return 'REACHED'
  }),
  asks('keyboard lock', 'document', async ({ need }) => {
    await need('navigator').keyboard.lock()
    return 'REACHED'
  }),
  asks('virtual reality', 'document', async ({ need }) => {
    await need('navigator').xr.requestSession('immersive-vr')
    return 'REACHED'
  }),
  asks('presentation', 'document', async ({ need }) => {
    await new (need('PresentationRequest'))(['https://localhost/']).start()
    return 'REACHED'
  }),
  asks(
    'topics of interest',
    'document',
    async ({ world }) => `REACHED ${await world['document'].browsingTopics()}`,
  ),
  asks('protected media', 'document', async ({ need }) => {
    const codec = [{ videoCapabilities: [{ contentType: 'video/mp4; codecs="avc1.42E01E"' }] }]
    await need('navigator').requestMediaKeySystemAccess('com.widevine.alpha', codec)
    return 'REACHED'
  }),
  asks(
    'memory shared between threads',
    'anywhere',
    ({ need }) => `REACHED ${new (need('SharedArrayBuffer'))(8).byteLength}`,
  ),
  asks('isolation for precise clocks', 'anywhere', ({ world }) =>
    world['crossOriginIsolated'] === true ? 'REACHED' : 'blocked by absence',
  ),
]
