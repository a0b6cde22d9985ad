import { css } from "lit";

export const experimentStyles = css`
  details {
    border-top: 1px solid var(--line);
  }
  details:last-of-type {
    border-bottom: 1px solid var(--line);
  }
  summary {
    padding: 0.7rem 0 0.6rem;
    font-weight: 650;
    cursor: pointer;
  }
  summary i {
    font-style: normal;
    font-size: var(--text-s);
    font-weight: 600;
    color: var(--accent);
  }
  .inside {
    padding: 0 0 1.1rem;
  }
  p {
    margin: 0 0 0.7rem;
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    gap: 0.5rem;
    margin-top: 0.8rem;
  }
  .go {
    border-color: var(--accent);
    color: var(--accent);
  }
  .nudge {
    margin: 0.6rem 0 0;
    color: var(--accent);
    font-weight: 600;
  }
  .refusal {
    margin: 0.6rem 0 0;
    color: var(--bad);
  }
  table {
    width: 100%;
    margin: 0.6rem 0 0;
    border-collapse: collapse;
    font-size: var(--text-s);
  }
  caption {
    text-align: left;
    font-weight: 650;
  }
  th {
    text-align: left;
    font-weight: 400;
  }
  td {
    text-align: right;
    white-space: nowrap;
  }
  td:nth-child(3) {
    color: var(--ink-soft);
  }
  th,
  td {
    padding: 0.22rem 0;
    border-bottom: 1px solid var(--line);
  }
  .verdict {
    font-weight: 650;
  }
`;
