import type { TimerOrder, TimerWord } from '../../shared/host/timers.ts'

/* Timers for the page. Those of a dedicated worker keep their time while its page is hidden. */

const set = new Map<number, ReturnType<typeof setTimeout>>()
const say = (word: TimerWord): void => postMessage(word)

addEventListener('message', ({ data: { id, ms } }: MessageEvent<TimerOrder>) => {
  clearTimeout(set.get(id))
  set.delete(id)
  if (ms === undefined) return
  const fire = (): void => {
    set.delete(id)
    say(id)
  }
  set.set(id, setTimeout(fire, ms))
})

say('ready')
