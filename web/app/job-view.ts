import { css, html, LitElement, nothing, type TemplateResult } from 'lit'
import type { CheckedResult, JobProgress } from '../node/job.ts'
import type { ReceiptCheck } from '../node/tab-node.ts'
import { binaryOf, binarySizeOf } from './binary-output.ts'
import { type JobRun, rowsShownMax } from './job-run.ts'
import { saveFile } from './save-file.ts'
import { sharedStyle } from './shared-style.ts'
import { counted, sizeWords } from './words.ts'

/** Characters of an output that a row shows. */
const outputShownMax = 400

/** A job: how far it is, what it lacks, its results and its receipt. */
export class JobView extends LitElement {
  static override properties = {
    run: { attribute: false },
    missing: { attribute: false },
    isAway: { attribute: false },
    tick: { attribute: false },
  }
  static override styles = [
    sharedStyle,
    css`
      section {
        display: grid;
        gap: 1rem;
        border-top: 1px solid var(--line);
        padding-top: 1.5rem;
      }
      .line {
        display: flex;
        flex-wrap: wrap;
        justify-content: space-between;
        align-items: center;
        gap: 0.4rem 1.25rem;
      }
      .bar {
        display: flex;
        height: 0.6rem;
        border-radius: 99px;
        overflow: hidden;
        background: var(--sunken);
      }
      .bar span {
        background: var(--accent);
        transition: inline-size 0.2s;
      }
      .bar .lost {
        background: var(--bad);
      }
      @media (prefers-reduced-motion: reduce) {
        .bar span {
          transition: none;
        }
      }
      .counts {
        font-variant-numeric: tabular-nums;
      }
      .results {
        overflow: auto;
        max-height: 26rem;
        border: 1px solid var(--line);
        border-radius: 10px;
      }
      table {
        width: 100%;
        border-collapse: collapse;
        font-size: 0.9rem;
      }
      th,
      td {
        text-align: left;
        vertical-align: top;
        padding: 0.5rem 0.9rem;
        border-bottom: 1px solid var(--line);
      }
      tbody tr:last-child td {
        border-bottom: 0;
      }
      th {
        position: sticky;
        top: 0;
        background: var(--sunken);
        font-size: 0.8rem;
        color: var(--muted);
      }
      .narrow {
        width: 1%;
      }
      th.narrow:last-child {
        min-width: 8rem;
      }
      td.index {
        font-variant-numeric: tabular-nums;
        color: var(--muted);
        width: 1%;
      }
      td.output {
        overflow-wrap: anywhere;
        white-space: pre-wrap;
      }
      button.save {
        min-height: 2rem;
        padding: 0.15rem 0.7rem;
        border-radius: 8px;
        font: 600 0.85rem/1.4 var(--sans);
      }
      .saved {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.3rem 0.9rem;
        font-family: var(--sans);
        white-space: normal;
        color: var(--muted);
      }
      td.failed {
        overflow-wrap: break-word;
      }
      td.proof {
        white-space: nowrap;
        width: 1%;
      }
      @media (max-width: 36rem) {
        th,
        td {
          padding: 0.5rem;
        }
        th.narrow:last-child {
          min-width: 0;
        }
        td.proof {
          white-space: normal;
        }
      }
      .failed {
        color: var(--bad);
      }
      .held {
        color: var(--accent-strong);
      }
      .counts [title] {
        text-decoration: underline dotted;
        text-underline-offset: 0.2em;
        cursor: help;
      }
      .notice {
        min-height: 4.2rem;
        display: grid;
        align-content: center;
      }
      .plain {
        background: var(--sunken);
        color: var(--muted);
      }
      .actions {
        display: flex;
        flex-wrap: wrap;
        gap: 0.75rem;
      }
    `,
  ]

  declare run: JobRun
  /** Workers that the next item lacks. */
  declare missing: number
  /** No coordinator can be reached now. */
  declare isAway: boolean
  /** Changes with every rendering of the page: what the run holds is not compared. */
  declare tick: number

  protected override render(): TemplateResult {
    const { run } = this
    const { progress } = run
    const done = progress.completed + progress.failed
    return html`
      <section aria-label="Job">
        <div class="line">
          <h3>${run.name}, ${counted(progress.items, 'item')}</h3>
          <span class="muted small counts" role="status" aria-live="off" aria-label="Progress">${countsOf(run)}</span>
        </div>
        <div class="bar" role="progressbar" aria-label="Items done" aria-valuemin="0"
          aria-valuemax=${progress.items} aria-valuenow=${done}>
          <span .style=${widthOf(progress.completed, progress)}></span>
          <span class="lost" .style=${widthOf(progress.failed, progress)}></span>
        </div>
        ${this.#standing()}
        <div class="actions">
          ${
            run.isRunning
              ? html`<button type="button" @click=${() => run.cancel()}>Cancel</button>`
              : html`<button type="button" ?disabled=${done === 0}
                    @click=${() => saveFile(run.results(), 'results.ndjson')}>Download results</button>
                  <button type="button" ?disabled=${!run.hasReceipt}
                    @click=${() => saveFile(run.receipt(), 'receipt.json')}>Download receipt</button>`
          }
        </div>
        ${this.#results()}
      </section>
    `
  }

  /** One line, always there: what the job waits for, how it ended. */
  #standing(): TemplateResult {
    const { run, missing } = this
    if (run.problem !== undefined) return html`<p class="notice bad small" role="alert">${run.problem}</p>`
    if (run.check !== undefined) return ended(run, run.check)
    if (!run.isRunning) {
      if (run.progress.isCancelled)
        return html`<p class="notice plain small" role="status" aria-label="Receipt">Cancelled.</p>`
      return html`<p class="notice bad small" role="status" aria-label="Receipt">
        <strong>${failureWords(run.progress)}</strong> There is no receipt: the workers agreed on no item.
      </p>`
    }
    if (this.isAway) {
      return html`<p class="notice small" role="status" aria-label="Waiting">
        The relay is away. The job is queued here and goes on when it is back, or with the tabs that are connected after
        half a minute. You may close the page: it goes on when you open it again.
      </p>`
    }
    return missing === 0
      ? html`<p class="notice plain small" role="status" aria-label="Waiting">Workers are answering.</p>`
      : html`<p class="notice small" role="status" aria-label="Waiting">
          Waiting for ${missing} more ${missing === 1 ? 'worker' : 'workers'}: three different ones answer each item.
          Lend time here, or open this page in another browser.
        </p>`
  }

  #results(): TemplateResult | typeof nothing {
    const { rows, progress, isRunning } = this.run
    if (!isRunning && rows.length === 0) return nothing
    const hidden = progress.items - rowsShownMax
    // Room for the rows to come, so that nothing below moves.
    const style = `min-height: min(26rem, ${2.5 * (progress.items + 1)}rem)`
    return html`<div class="results" role="region" aria-label="Results" tabindex="0" .style=${style}>
        <table aria-label="Results">
          <thead>
            <tr>
              <th scope="col" class="narrow">Item</th>
              <th scope="col">Answer</th>
              <th scope="col" class="narrow">Proof</th>
            </tr>
          </thead>
          <tbody>
            ${rows.map(row)}
          </tbody>
        </table>
      </div>
      ${
        hidden > 0
          ? html`<p class="muted small">
              The first ${rowsShownMax} are shown; the download has all ${progress.items.toLocaleString('en')}.
            </p>`
          : nothing
      }`
  }
}

const widthOf = (count: number, { items }: JobProgress): string => `inline-size: ${(100 * count) / items}%`

const verifiedMeans =
  'Enough different workers gave the same answer, or failed in the same way, and their signatures were checked in this page'

function countsOf({ progress, seconds }: JobRun): TemplateResult {
  const { completed, failed, items, verified, isCancelled } = progress
  return html`${completed + failed} of ${items} done
    ${failed > 0 ? html`· <strong class="failed">${failed} failed</strong>` : nothing} ·
    <span title=${verifiedMeans}>${verified} verified</span> · ${seconds.toFixed(seconds < 10 ? 1 : 0)} s
    ${isCancelled ? '· cancelled' : nothing}`
}

/** What became of the items comes first: a receipt that holds says nothing of that. */
function ended({ progress }: JobRun, { isValid, summary }: ReceiptCheck): TemplateResult {
  const { failed, completed, verified } = progress
  const tone = !isValid || completed === 0 ? 'bad' : failed > 0 ? '' : 'good'
  const isAgreed = verified === completed + failed
  return html`<div class="notice small ${tone}" role="status" aria-label="Receipt">
    <p>${failed > 0 ? html`<strong>${failureWords(progress)}</strong> ` : nothing}Receipt ${summary}</p>
    ${isValid ? html`<p>${failed > 0 && isAgreed ? 'The workers agree on each failure too. ' : nothing}${trustMeans}</p>` : nothing}
  </div>`
}

const trustMeans = 'Trust “none given”: the signatures prove which keys answered, not who holds those keys.'

function failureWords({ failed, completed, isCancelled }: JobProgress): string {
  if (completed > 0 || isCancelled) return `${counted(failed, 'item')} failed.`
  return failed === 1 ? 'The only item failed.' : `All ${failed.toLocaleString('en')} items failed.`
}

type Completed = Extract<CheckedResult, { status: 'completed' }>

const row = (result: CheckedResult): TemplateResult => html`<tr>
  <td class="index">${result.index + 1}</td>
  ${
    result.status === 'completed'
      ? html`<td class="output mono">${answer(result)}</td>`
      : html`<td class="output failed"><strong>Failed (${result.error.kind})</strong>: ${result.error.message}</td>`
  }
  <td class="proof">
    ${
      result.receipt === null
        ? html`<span class="failed">none</span>`
        : html`<span class="held">${counted(result.receipt.votes.length, 'signature')}</span>`
    }
  </td>
</tr>`

/** What a row shows of an output, and a way to all of it when that is more. */
function answer({ index, output, outputText }: Completed): TemplateResult | string {
  const save = (blob: () => Blob, ending: string): TemplateResult =>
    html`<button class="save" type="button" @click=${() => saveFile(blob(), `result-${index + 1}.${ending}`)}>
      Save<span class="visually-hidden"> answer ${index + 1}</span>
    </button>`
  const bytes = binarySizeOf(output)
  if (bytes !== undefined) {
    return html`<div class="saved"><span>Binary, ${sizeWords(bytes)}</span>
      ${save(() => new Blob([binaryOf(output)]), 'bin')}</div>`
  }
  if (outputText.length <= outputShownMax) return outputText
  const isText = typeof output === 'string'
  return html`${outputText.slice(0, outputShownMax)}…<div class="saved">
      <span>${counted(outputText.length, 'character')}</span>
      ${save(() => new Blob([isText ? output : outputText]), isText ? 'txt' : 'json')}</div>`
}

customElements.define('job-view', JobView)
