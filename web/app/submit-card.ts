import { css, html, LitElement, nothing, type TemplateResult } from 'lit'
import type { Job } from '../node/job.ts'
import type { TabNode } from '../node/tab-node.ts'
import type { TabState } from '../node/tab-state.ts'
import type { JobSummary } from '../storage/job-summary.ts'
import { catalog, type ExampleInput } from './catalog.ts'
import './input-field.ts'
import type { InputField } from './input-field.ts'
import type { JobRun } from './job-run.ts'
import { lateCode } from './late-code.ts'
import './program-field.ts'
import type { ProgramField } from './program-field.ts'
import './receipt-check.ts'
import { sharedStyle } from './shared-style.ts'

/**
 * So long after joining, what a job needs is fetched: it may be handed in while the relay is away. Time enough for the
 * first load, which this is no part of, to have ended.
 */
const fetchAheadMs = 2_000

/** WEB-02: a program, what it runs on, and the job that comes of it. */
export class SubmitCard extends LitElement {
  static override properties = {
    node: { attribute: false },
    state: { attribute: false },
    example: { state: true },
    problem: { state: true },
    run: { state: true },
    isStarting: { state: true },
    past: { state: true },
  }
  static override styles = [
    sharedStyle,
    css`
      section {
        display: grid;
        gap: 1.5rem;
      }
      form {
        display: grid;
        grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
        gap: 1.5rem 2rem;
      }
      .intro {
        display: grid;
        gap: 0.4rem;
      }
      .intro p {
        max-width: 78ch;
      }
      .wide {
        grid-column: 1 / -1;
      }
      .actions {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.75rem 1.25rem;
      }
      @media (max-width: 48rem) {
        form {
          grid-template-columns: minmax(0, 1fr);
        }
      }
    `,
  ]

  declare node: TabNode | undefined
  declare state: TabState | undefined
  /** Of the program that is chosen now. */
  declare protected example: ExampleInput
  declare protected problem: string | undefined
  declare protected run: JobRun | undefined
  declare protected isStarting: boolean
  declare protected past: readonly JobSummary[]
  #fetchingAhead: ReturnType<typeof setTimeout> | undefined
  #isAheadMissing = false

  constructor() {
    super()
    this.example = catalog[0]!.example
    this.isStarting = false
    this.past = []
  }

  protected override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (changed.has('node') && this.node !== undefined) {
      this.#remember(this.node).catch((error: unknown) => {
        this.problem = error instanceof Error ? error.message : String(error)
      })
    }
    const { node } = this
    if (node !== undefined && this.state?.relay.isUp === true) {
      this.#fetchingAhead ??= setTimeout(() => void this.#fetchAhead(node), fetchAheadMs)
    } else if (this.#isAheadMissing) {
      // It went away too soon: once more when it is back.
      this.#fetchingAhead = undefined
      this.#isAheadMissing = false
    }
  }

  override connectedCallback(): void {
    super.connectedCallback()
    window.addEventListener('dragover', keepPage)
    window.addEventListener('drop', keepPage)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    window.removeEventListener('dragover', keepPage)
    window.removeEventListener('drop', keepPage)
  }

  protected override render(): TemplateResult {
    const isRunning = this.run?.isRunning === true
    const isDisabled = this.node === undefined || isRunning || this.isStarting
    return html`
      <section class="card" aria-labelledby="title">
        <div class="intro">
          <h2 id="title">Have work done</h2>
          <p class="muted">
            One program runs over every item of your input. Three workers answer each item, two equal answers decide,
            and their signatures are your receipt. The relay and the workers can read what you send.
          </p>
        </div>
        <form @submit=${this.#submit}>
          <program-field @chosen=${(event: Event) => {
            this.example = (event.target as ProgramField).example
          }}></program-field>
          <input-field .example=${this.example}></input-field>
          <div class="wide actions">
            <button class="primary" ?disabled=${isDisabled}>Run</button>
            <span class="muted small">${isRunning ? 'One job at a time: this one has to end first.' : nothing}</span>
          </div>
          ${this.problem === undefined ? nothing : html`<p class="notice bad wide" role="alert">${this.problem}</p>`}
        </form>
        ${
          this.run === undefined
            ? nothing
            : html`<job-view .run=${this.run} .missing=${this.state?.missingWorkers ?? 0}
                .isAway=${this.state?.relay.isUp === false} .tick=${Date.now()}></job-view>`
        }
        ${
          this.past.length === 0
            ? nothing
            : html`<past-jobs .jobs=${this.past} .shown=${this.run?.jobId} .isBusy=${isRunning}
                @open=${this.#open}></past-jobs>`
        }
        <receipt-check .node=${this.node}></receipt-check>
      </section>
    `
  }

  readonly #submit = (event: Event): void => {
    event.preventDefault()
    // What is on the screen belongs to this run; the one before stands in the list.
    if (this.run?.isRunning === false) this.run = undefined
    this.#do((node) => this.#start(node))
  }

  /** One thing at a time; what is wrong with it is told. */
  #do(work: (node: TabNode) => Promise<void>): void {
    const { node } = this
    if (node === undefined || this.isStarting || this.run?.isRunning === true) return
    this.problem = undefined
    this.isStarting = true
    work(node)
      .catch((error: unknown) => {
        this.problem = error instanceof Error ? error.message : String(error)
      })
      .finally(() => {
        this.isStarting = false
      })
  }

  async #start(node: TabNode): Promise<void> {
    const program = await this.renderRoot.querySelector<ProgramField>('program-field')!.read()
    const items = await this.renderRoot.querySelector<InputField>('input-field')!.read()
    const inputs = items.map(program.inputOf)
    const job = await node.run(program.name, program.bytes, inputs, { taskType: program.taskType })
    await this.#show(node, job, program.name)
  }

  async #show(node: TabNode, job: Job, name: string): Promise<void> {
    const { JobRun } = await lateCode()
    const run = new JobRun(node, job, name, () => this.requestUpdate())
    this.run = run
    this.past = await node.pastJobs()
    // Where the list cannot be read, it says what it said before.
    run.kept
      .then(async () => {
        this.past = await node.pastJobs()
      })
      .catch(() => undefined)
  }

  /** What the page was about before it was loaded anew goes on. */
  async #remember(node: TabNode): Promise<void> {
    this.past = await node.pastJobs()
    const open = this.past.find(({ endedAt }) => endedAt === null)
    if (this.past.length > 0) await lateCode()
    if (open !== undefined) await this.#show(node, await node.goOn(open), open.name)
  }

  readonly #open = (event: CustomEvent<JobSummary>): void => {
    this.#do(async (node) => {
      await this.#show(node, await node.goOn(event.detail), event.detail.name)
      // The list may be far below it.
      await this.updateComplete
      this.renderRoot.querySelector('job-view')?.scrollIntoView({ block: 'nearest' })
    })
  }

  /** Where this fails, the first job asks once more, and says what is wrong. */
  async #fetchAhead(node: TabNode): Promise<void> {
    const programs = this.renderRoot.querySelector<ProgramField>('program-field')!
    const fetched = await Promise.allSettled([lateCode(), node.fetchJobCode(), programs.fetchAhead()])
    this.#isAheadMissing = fetched.some(({ status }) => status === 'rejected')
  }
}

/** A file that misses its zone must not open in place of the page. */
const keepPage = (event: DragEvent): void => {
  if (event.dataTransfer?.types.includes('Files') === true) event.preventDefault()
}

customElements.define('submit-card', SubmitCard)
