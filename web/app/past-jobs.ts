import { css, html, LitElement, nothing, type TemplateResult } from 'lit'
import type { JobSummary } from '../storage/job-summary.ts'
import { sharedStyle } from './shared-style.ts'
import { counted } from './words.ts'

/** The jobs that this browser keeps. Asks for one to be shown by `open`, whose `detail` is its summary. */
export class PastJobs extends LitElement {
  static override properties = {
    jobs: { attribute: false },
    shown: { attribute: false },
    isBusy: { attribute: false },
  }
  static override styles = [
    sharedStyle,
    css`
      p {
        padding: 0.2rem 0 0.7rem;
      }
      ul {
        display: grid;
        gap: 0.5rem;
        max-height: 24rem;
        overflow: auto;
        padding: 3px;
        margin: -3px;
      }
      button {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 0.1rem 1rem;
        align-items: baseline;
        width: 100%;
        padding: 0.6rem 0.95rem;
        text-align: left;
        line-height: 1.5;
        border-color: var(--line);
      }
      button[aria-pressed='true'] {
        background: var(--accent-soft);
        border-color: var(--accent);
      }
      .about {
        grid-column: 1 / -1;
        font-weight: 400;
        overflow-wrap: anywhere;
      }
      .mono {
        overflow: hidden;
        white-space: nowrap;
        text-overflow: ellipsis;
      }
      .status {
        font-size: 0.8rem;
        border-radius: 99px;
        padding: 0.05rem 0.7rem;
        background: var(--sunken);
        color: var(--muted);
      }
      .good {
        background: var(--accent-soft);
        color: var(--accent-strong);
      }
      .bad {
        background: var(--bad-soft);
        color: var(--bad);
      }
    `,
  ]

  declare jobs: readonly JobSummary[]
  /** The job on the screen. */
  declare shown: string | undefined
  /** That one runs: no other can be opened. */
  declare isBusy: boolean

  protected override render(): TemplateResult {
    const hint = this.isBusy
      ? 'One job at a time: the one that runs has to end first.'
      : 'Kept in this browser, the last 20 of them. Click one to see its results and its receipt again.'
    return html`<details>
      <summary>Your jobs</summary>
      <p class="muted small">${hint}</p>
      <ul aria-label="Your jobs">
        ${this.jobs.map((job) => this.#row(job))}
      </ul>
    </details>`
  }

  #row(job: JobSummary): TemplateResult {
    const { name, items, programBegins, inputBegins, startedAt } = job
    const isShown = job.jobId === this.shown
    const { words, tone } = statusOf(job, isShown && this.isBusy)
    return html`<li><button type="button" aria-pressed=${isShown} ?disabled=${this.isBusy}
      @click=${() => this.dispatchEvent(new CustomEvent('open', { detail: job }))}>
      <span>${name}</span> <span class="status ${tone}">${words}</span>
      ${programBegins === null ? nothing : html`<span class="about muted mono">${programBegins}</span>`}
      <span class="about muted small">${counted(items, 'item')}, the first “${inputBegins}” ·
        ${new Date(startedAt).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' })}</span>
    </button></li>`
  }
}

function statusOf(job: JobSummary, isRunning: boolean): { readonly words: string; readonly tone: string } {
  const { endedAt, completed, failed, items } = job
  if (isRunning) return { words: 'Running', tone: '' }
  if (endedAt === null) return { words: 'Not finished', tone: '' }
  if (completed + failed < items) return { words: `Stopped at ${completed + failed} of ${items}`, tone: '' }
  if (failed === 0) return { words: 'Done', tone: 'good' }
  return { words: completed === 0 ? 'Failed' : `${failed} of ${items} failed`, tone: 'bad' }
}

customElements.define('past-jobs', PastJobs)
