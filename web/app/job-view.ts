import { css, html, LitElement, nothing, type TemplateResult } from 'lit'
import type { ItemResult } from '../node/job.ts'
import { type JobRun, rowsShownMax } from './job-run.ts'
import { saveFile } from './save-file.ts'
import { sharedStyle } from './shared-style.ts'
import { counted } from './words.ts'

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
      progress {
        appearance: none;
        width: 100%;
        height: 0.6rem;
        border: 0;
        border-radius: 99px;
        overflow: hidden;
        background: var(--sunken);
      }
      progress::-webkit-progress-bar {
        background: var(--sunken);
      }
      progress::-webkit-progress-value {
        background: var(--accent);
        border-radius: 99px;
        transition: inline-size 0.2s;
      }
      progress::-moz-progress-bar {
        background: var(--accent);
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
      td.index {
        font-variant-numeric: tabular-nums;
        color: var(--muted);
        width: 1%;
      }
      td.output {
        overflow-wrap: anywhere;
        white-space: pre-wrap;
      }
      td.proof {
        white-space: nowrap;
        width: 1%;
      }
      .failed {
        color: var(--bad);
      }
      .held {
        color: var(--accent-strong);
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
          <span class="muted small counts" role="status" aria-label="Progress">${countsOf(run)}</span>
        </div>
        <progress max=${progress.items} value=${done} aria-label="Items done"></progress>
        ${this.#lacks()}
        ${run.problem === undefined ? nothing : html`<p class="notice bad" role="alert">${run.problem}</p>`}
        ${
          run.check === undefined
            ? nothing
            : html`<p class=${`notice small ${run.check.isValid ? 'good' : 'bad'}`} role="status"
                aria-label="Receipt">Receipt ${run.check.summary}</p>`
        }
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
        ${run.rows.length === 0 ? nothing : this.#results()}
      </section>
    `
  }

  #lacks(): TemplateResult | typeof nothing {
    if (!this.run.isRunning) return nothing
    if (this.isAway) {
      return html`<p class="notice small" role="status" aria-label="Waiting">
        The relay is away. The job goes on when it is back; leave this tab open.
      </p>`
    }
    if (this.missing === 0) return nothing
    return html`<p class="notice small" role="status" aria-label="Waiting">
      Waiting for ${this.missing} more ${this.missing === 1 ? 'worker' : 'workers'}: each item needs three that are not
      one another. Lend time in this tab or open the page on other computers; the job goes on by itself.
    </p>`
  }

  #results(): TemplateResult {
    const { rows, progress } = this.run
    const hidden = progress.items - rowsShownMax
    return html`<div class="results" role="region" aria-label="Results" tabindex="0">
        <table aria-label="Results">
          <thead>
            <tr>
              <th scope="col">Item</th>
              <th scope="col">Answer</th>
              <th scope="col">Proof</th>
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

function countsOf(run: JobRun): string {
  const { progress, seconds } = run
  const done = progress.completed + progress.failed
  const parts = [`${done} of ${progress.items} done`]
  if (progress.failed > 0) parts.push(`${progress.failed} failed`)
  parts.push(`${progress.verified} verified`, `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`)
  if (progress.isCancelled) parts.push('cancelled')
  return parts.join(' · ')
}

const row = (result: ItemResult): TemplateResult => html`<tr>
  <td class="index">${result.index + 1}</td>
  ${
    result.status === 'completed'
      ? html`<td class="output mono">${shortened(JSON.stringify(result.output))}</td>`
      : html`<td class="output failed">Failed (${result.error.kind}): ${shortened(result.error.message)}</td>`
  }
  <td class="proof">
    ${
      result.receipt === null
        ? html`<span class="failed">none</span>`
        : html`<span class="held">${counted(result.receipt.votes.length, 'signature')}</span>`
    }
  </td>
</tr>`

const shortened = (text: string): string =>
  text.length <= outputShownMax ? text : `${text.slice(0, outputShownMax)}…`

customElements.define('job-view', JobView)
