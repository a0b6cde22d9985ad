import { css } from "lit";

/** The map left, what it says right; one above the other where there is little room. */
export const keyMapStyles = css`
  :host {
    container-type: inline-size;
  }
  .whole {
    position: relative;
    display: grid;
    grid-template-columns: minmax(0, 35rem) minmax(15rem, 1fr);
    gap: 0.5rem clamp(1rem, 3cqw, 2.25rem);
    align-items: center;
    margin-top: 0.75rem;
  }
  .plot {
    min-width: 0;
    aspect-ratio: 1;
    position: relative;
  }
  canvas {
    display: block;
    touch-action: pan-y;
    cursor: crosshair;
    border-radius: var(--radius);
  }
  canvas:focus-visible {
    outline: 2px solid var(--focus);
    outline-offset: -1px;
  }
  .empty {
    position: absolute;
    inset: 0;
    display: grid;
    place-content: center;
    padding: 25%;
    text-align: center;
    color: var(--ink-soft);
    pointer-events: none;
  }
  .side {
    display: grid;
    gap: 1rem;
    align-content: center;
  }
  p,
  ul {
    margin: 0;
  }
  .legend {
    list-style: none;
    padding: 0;
    display: grid;
    gap: 0.3rem;
    font-size: var(--text-s);
    color: var(--ink-soft);
  }
  .legend li {
    display: grid;
    grid-template-columns: 2.6rem 1fr;
    align-items: center;
  }
  .legend svg {
    width: 2rem;
    height: 1rem;
  }
  .scale {
    display: flex;
    margin-top: 0.5rem;
    align-items: center;
    gap: 0.45rem;
    font-size: var(--text-s);
    color: var(--ink-soft);
  }
  ramp-strip {
    flex: 0 1 6rem;
  }
  table {
    width: 100%;
    border-collapse: collapse;
    font-size: var(--text-s);
    text-align: right;
  }
  caption {
    text-align: left;
    color: var(--ink-soft);
    padding-bottom: 0.25rem;
  }
  th,
  td {
    padding: 0;
    border-bottom: 1px solid var(--line);
    font-weight: 400;
  }
  thead th {
    padding: 0.15rem 0.4rem;
    color: var(--ink-soft);
    vertical-align: bottom;
  }
  td {
    padding: 0.15rem 0.4rem;
  }
  th:first-child {
    text-align: left;
    padding-left: 0;
  }
  th button {
    width: 100%;
    min-height: 1.9rem;
    padding: 0.1rem 0.4rem;
    border: 0;
    border-radius: 4px;
    background: none;
    font-weight: 500;
    text-align: left;
  }
  .swatch {
    width: 0.7rem;
    height: 0.7rem;
    margin-right: 0.5rem;
    overflow: visible;
    vertical-align: -0.05em;
  }
  tr.lit {
    background: var(--sunken);
  }
  tr.lit button {
    font-weight: 700;
  }
  .told {
    min-height: 5.4rem;
    display: grid;
    align-content: center;
    font-size: var(--text-s);
    color: var(--ink-soft);
  }
  .card {
    display: flex;
    gap: 0.8rem;
    align-items: center;
    line-height: 1.4;
  }
  .card span,
  .card b {
    display: block;
  }
  .card b {
    color: var(--ink);
    font-size: var(--text-m);
  }
  .card b.inline {
    display: inline;
    font-size: inherit;
  }
  .card.wide {
    display: grid;
    gap: 0.4rem;
  }
  .faces {
    display: flex;
    flex-wrap: wrap;
    gap: 0.25rem;
  }
  @container (max-width: 46rem) {
    .whole {
      grid-template-columns: minmax(0, 1fr);
    }
    .plot {
      justify-self: center;
      width: min(100%, 32rem);
    }
    /* Under the finger, not below the table. */
    .told {
      order: -1;
    }
  }
`;
