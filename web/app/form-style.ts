import { css } from 'lit'

/** Fields of a form. */
export const formStyle = css`
  .field {
    display: grid;
    gap: 0.45rem;
    align-content: start;
  }
  .field > label,
  legend {
    font-weight: 600;
    font-size: 0.9rem;
    padding: 0;
  }
  legend {
    margin-bottom: 0.35rem;
  }
  .choices {
    display: flex;
    flex-wrap: wrap;
    gap: 0 1.4rem;
  }
  .source {
    display: grid;
    gap: 0.45rem;
    align-content: start;
  }
  .source > label {
    font-weight: 600;
    font-size: 0.9rem;
    padding-top: 0.3rem;
  }
  textarea,
  select,
  input[type='text'],
  input[type='file'] {
    font: inherit;
    width: 100%;
    color: var(--ink);
    background: var(--surface);
    border: 1px solid var(--control-line);
    border-radius: 10px;
    padding: 0.6rem 0.8rem;
  }
  textarea {
    font-family: var(--mono);
    font-size: 0.85rem;
    line-height: 1.5;
    min-height: 11rem;
    resize: vertical;
    tab-size: 2;
  }
  [hidden] {
    display: none;
  }
  input.mono {
    font-family: var(--mono);
    font-size: 0.85rem;
  }
  select {
    min-height: 2.75rem;
  }
  input[type='file']::file-selector-button {
    font: inherit;
    font-weight: 600;
    margin-right: 0.8rem;
    padding: 0.3rem 0.8rem;
    border-radius: 8px;
    border: 1px solid var(--control-line);
    background: var(--sunken);
    color: var(--ink);
    cursor: pointer;
  }
`
