import { css } from "lit";

export const sushiBeltStyles = css`
  .figure {
    container-type: inline-size;
    border: 1px solid var(--line);
    border-radius: var(--radius);
    background: var(--surface);
    overflow: clip;
    overflow-clip-margin: 12rem;
  }
  .head {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: 0.3rem 1.2rem;
    padding: 0.9rem clamp(0.8rem, 2.4cqw, 1.7rem) 0;
  }
  h3 {
    margin: 0;
    font-size: var(--text-m);
    font-weight: 700;
  }
  belt-stage {
    margin: 0.3rem 0.5rem 0;
  }
  .inside {
    display: grid;
    grid-template-columns: minmax(11.5rem, 1fr) minmax(11rem, 1fr);
    gap: clamp(0.75rem, 3cqw, 2.5rem);
    align-items: center;
    width: 94%;
  }
  :host([compact]) consistency-meter::part(badge) {
    display: none;
  }
  age-curve {
    height: 9.5rem;
  }
  .all {
    padding: 0.5rem clamp(0.8rem, 2.4cqw, 1.7rem) 0.7rem;
  }
  .line {
    display: flex;
    flex-wrap: wrap;
    justify-content: space-between;
    gap: 0 1.5rem;
    margin-bottom: 0.35rem;
    font-size: var(--text-s);
    color: var(--ink-soft);
  }
  .line b {
    color: var(--ink);
  }
  .ends {
    margin: 0.2rem 0 0;
    font-size: 0.75rem;
  }
  .words {
    padding: 0 clamp(0.8rem, 2.4cqw, 1.7rem) 0.9rem;
  }
  .words p {
    margin: 0;
  }
  .trouble {
    margin: 0;
    padding: 0.6rem 1.2rem;
    background: color-mix(in srgb, var(--warn) 14%, var(--surface));
    border-bottom: 1px solid var(--line);
    font-size: var(--text-s);
    font-weight: 600;
  }
  table {
    width: 100%;
    margin-top: 0.6rem;
    border-collapse: collapse;
    font-size: var(--text-s);
    text-align: right;
  }
  caption {
    text-align: left;
    color: var(--ink-soft);
    padding-bottom: 0.3rem;
  }
  th,
  td {
    padding: 0.18rem 0.5rem;
    border-bottom: 1px solid var(--line);
  }
  th {
    font-weight: 600;
    color: var(--ink-soft);
  }
  @container (max-width: 39.7rem) {
    .inside {
      width: 100%;
      grid-template-columns: minmax(9.5rem, 1fr) minmax(8rem, 1.1fr);
      padding: 0.5rem 0.3rem 0.9rem;
      gap: 0.75rem;
    }
    age-curve {
      height: 8.5rem;
    }
  }
`;
