/**
 * What the page needs from “Run” on. Its first load is at its limit (WEB-06), so this comes soon after joining: work
 * may be handed in while the relay is away. Rejects with words for people.
 */
export async function lateCode() {
  try {
    const [{ JobRun }, { itemsOf }, { keepProgram, offeredProgram }] = await Promise.all([
      import('./job-run.ts'),
      import('./items-of.ts'),
      import('./offered-program.ts'),
      import('./job-view.ts'),
      import('./past-jobs.ts'),
    ])
    return { JobRun, itemsOf, keepProgram, offeredProgram }
  } catch (cause) {
    const message = 'The relay is away, and this page has not all of its code yet: try again when it is back'
    throw new Error(message, { cause })
  }
}
