import { css } from "lit";

/** Choices beside what follows from them; on a phone above it. */
export const panelStyles = css`
  :host {
    max-width: 92rem;
    margin: 0 auto;
    padding: clamp(1rem, 2.4vw, 2rem) clamp(0.75rem, 2.8vw, 2.5rem) 3rem;
  }
  h1 {
    margin: 0 0 0.4rem;
    font-family: var(--serif);
    font-size: clamp(1.75rem, 1.4rem + 1.2vw, 2.25rem);
    line-height: 1.15;
    letter-spacing: -0.01em;
  }
  .intro {
    max-width: 46rem;
    margin: 0 0 1.5rem;
    color: var(--ink-soft);
  }
  h2 {
    margin: 0 0 0.6rem;
    font-size: var(--text-l);
  }
  .columns {
    display: grid;
    grid-template-columns: minmax(17rem, 22rem) minmax(0, 1fr);
    gap: var(--gap);
    align-items: start;
  }
  form {
    display: grid;
    gap: 1.1rem;
    padding: 1.2rem 1.3rem;
    border: 1px solid var(--line);
    border-radius: var(--radius);
    background: var(--surface);
  }
  fieldset {
    display: grid;
    gap: 0.15rem;
    min-width: 0;
    margin: 0;
    padding: 0;
    border: 0;
  }
  fieldset + fieldset {
    padding-top: 1rem;
    border-top: 1px solid var(--line);
  }
  legend {
    float: left;
    margin-bottom: 0.25rem;
    padding: 0;
    font-weight: 700;
  }
  label {
    display: flex;
    align-items: baseline;
    gap: 0.5rem;
    padding: 0.14rem 0;
    cursor: pointer;
  }
  label:has(:disabled) {
    color: var(--ink-faint);
    cursor: default;
  }
  input[type="radio"],
  input[type="checkbox"] {
    flex: none;
    width: 1.05rem;
    height: 1.05rem;
    margin: 0;
    translate: 0 0.16rem;
    accent-color: var(--positive);
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    gap: 0.15rem 1.2rem;
  }
  .grid {
    display: grid;
    grid-template-columns: 1fr 1fr;
    gap: 0.15rem 1rem;
  }
  .field {
    display: grid;
    gap: 0.2rem;
    padding-top: 0.5rem;
    font-size: var(--text-s);
    color: var(--ink-soft);
  }
  .field input {
    width: 100%;
    min-height: 2.4rem;
    padding: 0.3rem 0.6rem;
    border: 1px solid var(--line-strong);
    border-radius: var(--radius-s);
    background: var(--surface);
    font: inherit;
    font-size: var(--text-m);
    color: var(--ink);
  }
  .field input::placeholder {
    color: var(--ink-faint);
    opacity: 1;
  }
  .number input {
    width: 7rem;
  }
  /* In sight while the choices go by. */
  .result {
    position: sticky;
    top: 4rem;
    display: grid;
    gap: 1.6rem;
    min-width: 0;
  }
  section {
    min-width: 0;
  }
  code-block {
    margin-bottom: 0.8rem;
  }
  .hint {
    max-width: 52rem;
    margin: 0 0 0.8rem;
    padding-left: 0.8rem;
    border-left: 3px solid var(--line-strong);
    font-size: var(--text-s);
    color: var(--ink-soft);
  }
  .hint.grave {
    border-color: var(--warn);
    color: var(--ink);
  }
  .hint p {
    margin: 0;
    overflow-wrap: anywhere;
  }
  code {
    font-family: var(--mono);
    font-size: var(--text-s);
  }
  @media (max-width: 56rem) {
    .columns {
      grid-template-columns: minmax(0, 1fr);
    }
    .result {
      position: static;
    }
  }
`;
