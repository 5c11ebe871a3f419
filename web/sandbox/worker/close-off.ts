/*
 * The policy of the frame already refuses all of what is taken away here, and a program is inside WebAssembly besides;
 * this is the third wall, for a fault in the other two.
 */
const unwanted = [
  'fetch',
  'XMLHttpRequest',
  'WebSocket',
  'WebSocketStream',
  'WebTransport',
  'EventSource',
  'importScripts',
  'indexedDB',
  'caches',
  'BroadcastChannel',
  'Worker',
  'SharedWorker',
  'Notification',
  'FileReaderSync',
  'FontFace',
  'navigator',
  'cookieStore',
] as const

/** Takes every way out of this worker away, for good. */
export function closeOff(): void {
  for (const name of unwanted) {
    for (let owner: object | null = self; owner !== null; owner = Object.getPrototypeOf(owner)) {
      if (Object.hasOwn(owner, name)) Reflect.deleteProperty(owner, name)
    }
    Object.defineProperty(self, name, { value: undefined, writable: false, configurable: false })
  }
}
