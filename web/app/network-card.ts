import { css, html, LitElement, nothing, type TemplateResult } from 'lit'
import type { MemberState, TabState } from '../node/tab-state.ts'
import { TotalsWatch } from './network-totals.ts'
import { sharedStyle } from './shared-style.ts'
import { durationSince, kindNames, shortId } from './words.ts'

/** WEB-03, first form: whom this tab is connected to, and how. */
export class NetworkCard extends LitElement {
  static override properties = { state: { attribute: false } }
  static override styles = [
    sharedStyle,
    css`
      section {
        height: 100%;
        display: flex;
        flex-direction: column;
        gap: 0.7rem;
      }
      dl {
        display: grid;
        grid-template-columns: repeat(3, minmax(0, 1fr));
        gap: 0.75rem;
      }
      dl div {
        display: flex;
        flex-direction: column-reverse;
        background: var(--sunken);
        border-radius: 10px;
        padding: 0.6rem 0.9rem;
      }
      dd {
        font-size: 1.5rem;
        font-weight: 650;
        line-height: 1.2;
        font-variant-numeric: tabular-nums;
      }
      dt {
        font-size: 0.8rem;
        line-height: 1.3;
        color: var(--muted);
      }
      .peers {
        overflow: auto;
        min-height: 10.5rem;
        max-height: 19rem;
        flex: 1;
      }
      .peers p {
        padding-top: 0.8rem;
      }
      h2 {
        min-height: 2.75rem;
        display: flex;
        align-items: center;
      }
      table {
        width: 100%;
        border-collapse: collapse;
        font-size: 0.9rem;
      }
      th {
        text-align: left;
        font-weight: 600;
        font-size: 0.8rem;
        color: var(--muted);
        position: sticky;
        top: 0;
        background: var(--surface);
      }
      th,
      td {
        padding: 0.42rem 0.5rem 0.42rem 0;
        border-bottom: 1px solid var(--line);
        white-space: nowrap;
      }
      td:last-child,
      th:last-child {
        text-align: right;
        padding-right: 0;
        font-variant-numeric: tabular-nums;
      }
    `,
  ]

  declare state: TabState | undefined
  readonly #watch = new TotalsWatch(this)

  protected override render(): TemplateResult {
    const members = this.state?.members ?? []
    const { totals } = this.#watch
    return html`
      <section class="card" aria-labelledby="title">
        <h2 id="title">Network</h2>
        <dl aria-label="In the whole network, as its relay counts">
          ${figure('Nodes', totals?.peers)} ${figure('Workers', totals?.workers)}
          ${figure('Slots', totals?.slots)}
        </dl>
        <p class="muted small">Nodes are tabs, agents and relays. Workers lend time; a slot runs one program at a time.</p>
        <div class="peers" role="region" aria-label="Peers" tabindex="0">
          <table aria-label="Peers of this tab">
            <thead>
              <tr>
                <th scope="col">Peer</th>
                <th scope="col">Kind</th>
                <th scope="col">Path</th>
                <th scope="col">Since</th>
              </tr>
            </thead>
            <tbody>
              ${[...members].sort(byKindAndAge).map(row)}
            </tbody>
          </table>
          ${
            members.some(({ kind }) => kind === 'tab')
              ? nothing
              : html`<p class="muted small">
                  Another tab shows here when this page is opened in a second browser, or once more with
                  <span class="mono">?profile=NAME</span> at the end of its address.
                </p>`
          }
        </div>
      </section>
    `
  }
}

const figure = (words: string, count: number | undefined): TemplateResult =>
  html`<div><dt>${words}</dt><dd>${count ?? '–'}</dd></div>`

const row = (member: MemberState): TemplateResult => html`<tr>
  <td class="mono" title=${member.peer}>${shortId(member.peer)}</td>
  <td>${member.kind === undefined ? '…' : kindNames[member.kind]}</td>
  <td>${member.direct ? 'Direct' : 'Relayed'}</td>
  <td>${durationSince(member.since, Date.now())}</td>
</tr>`

/** Relays first, then those that are here longest. */
const byKindAndAge = (a: MemberState, b: MemberState): number =>
  Number(b.kind === 'relay') - Number(a.kind === 'relay') || a.since - b.since

customElements.define('network-card', NetworkCard)
