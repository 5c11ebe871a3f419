import { css } from 'lit'

/** What every part of the page has in common. Colours are properties of the page (style/page.css). */
export const sharedStyle = css`
  :host {
    display: block;
  }
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  h2,
  h3,
  p,
  ul,
  dl,
  dd,
  figure,
  fieldset {
    margin: 0;
    padding: 0;
  }
  ul {
    list-style: none;
  }
  fieldset {
    border: 0;
    min-width: 0;
  }
  h2 {
    font-size: 1.2rem;
    line-height: 1.3;
    font-weight: 650;
    letter-spacing: -0.01em;
  }
  h3 {
    font-size: 0.9rem;
    font-weight: 600;
  }
  .card {
    background: var(--surface);
    border: 1px solid var(--line);
    border-radius: var(--radius);
    box-shadow: var(--shadow);
    padding: clamp(1.1rem, 3vw, 1.75rem);
  }
  .muted {
    color: var(--muted);
  }
  .small {
    font-size: 0.875rem;
  }
  .mono {
    font-family: var(--mono);
    font-size: 0.86em;
  }
  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  :focus-visible {
    outline: 3px solid var(--accent);
    outline-offset: 2px;
  }
  button {
    font: inherit;
    font-weight: 600;
    min-height: 2.75rem;
    padding: 0.5rem 1.1rem;
    border-radius: 10px;
    border: 1px solid var(--control-line);
    background: var(--surface);
    color: var(--ink);
    cursor: pointer;
  }
  button:hover:not(:disabled) {
    border-color: var(--accent);
    color: var(--accent-strong);
  }
  button.primary {
    background: var(--accent);
    border-color: var(--accent);
    color: var(--on-accent);
  }
  button.primary:hover:not(:disabled) {
    background: var(--accent-strong);
    border-color: var(--accent-strong);
    color: var(--on-accent);
  }
  button:disabled {
    cursor: not-allowed;
    opacity: 0.5;
  }
  details {
    border-top: 1px solid var(--line);
    padding-top: 1.1rem;
  }
  summary {
    cursor: pointer;
    font-weight: 600;
    font-size: 0.9rem;
    border-radius: 6px;
    padding: 0.3rem 0;
  }
  input[type='checkbox'],
  input[type='radio'] {
    accent-color: var(--accent);
    width: 1.15rem;
    height: 1.15rem;
    margin: 0;
    flex: none;
  }
  label.choice {
    display: flex;
    align-items: center;
    gap: 0.65rem;
    min-height: 2.25rem;
    cursor: pointer;
  }
  .notice {
    border-radius: 10px;
    padding: 0.7rem 0.95rem;
    background: var(--warn-soft);
    color: var(--warn);
    overflow-wrap: anywhere;
  }
  .notice.bad {
    background: var(--bad-soft);
    color: var(--bad);
  }
  .notice.good {
    background: var(--accent-soft);
    color: var(--accent-strong);
  }
`
