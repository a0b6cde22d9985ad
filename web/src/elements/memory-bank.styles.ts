import { css } from "lit";

/** The bank's card: a wall, a row of faces, three readings side by side, controls below. */
export const bankStyles = css`
  :host {
    background: var(--surface);
    border: 1px solid var(--line);
    border-radius: var(--radius);
    container-type: inline-size;
  }
  .whole {
    position: relative;
    display: flex;
    flex-direction: column;
  }
  spoken-summary {
    position: absolute;
  }
  /* Wide: controls under everything. Narrow: under the picture, where the thumb is. */
  .controls {
    order: 2;
  }
  .below {
    padding-top: 0 !important;
  }
  .body {
    padding: clamp(0.9rem, 2.4cqw, 1.6rem);
    display: grid;
    /* A canvas keeps the width it was drawn at: it must not hold its column open when the window narrows. */
    grid-template-columns: minmax(0, 1fr);
    gap: 1rem;
    min-width: 0;
  }
  .head {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.5rem 1rem;
  }
  /* A line of its own: the badge beside it changes its width all the time. */
  .head h3 {
    flex: 1 0 100%;
  }
  .head status-badge {
    flex: 1 1 12rem;
  }
  h3 {
    margin: 0;
    font-size: var(--text-m);
    font-weight: 650;
  }
  p {
    margin: 0;
  }
  .segments {
    display: inline-flex;
    border: 1px solid var(--line);
    border-radius: var(--radius-s);
    overflow: hidden;
  }
  .segments button {
    border: 0;
    border-radius: 0;
    min-height: 2.1rem;
    padding: 0.2rem 0.7rem;
    font-size: var(--text-s);
    font-weight: 500;
    color: var(--ink-soft);
    background: none;
  }
  .segments button[aria-pressed="true"] {
    background: var(--sunken);
    color: var(--ink);
    font-weight: 650;
  }
  .segments button:focus-visible {
    outline-offset: -3px;
  }
  .axis {
    display: flex;
    justify-content: space-between;
    gap: 1rem;
  }
  .legend {
    margin-top: 0.6rem;
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.35rem 1.3rem;
  }
  .legend > span {
    display: inline-flex;
    align-items: center;
    gap: 0.45rem;
  }
  .legend i {
    display: inline-block;
    width: 0.8rem;
    height: 0.8rem;
  }
  .legend .fresh {
    background: color-mix(in srgb, var(--tune) 75%, var(--ink));
  }
  .legend .never {
    border: 1.5px solid var(--line-strong);
  }
  :host([compact]) .sample,
  :host([compact]) consistency-meter::part(badge) {
    display: none !important;
  }
  .faces {
    list-style: none;
    margin: 0;
    padding: 0;
    display: grid;
    grid-template-columns: repeat(12, minmax(0, 4.5rem));
    justify-content: space-between;
    gap: 0.4rem;
  }
  .faces li {
    min-width: 0;
  }
  .faces button {
    border: 0;
    padding: 0.25rem;
    background: none;
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    width: 100%;
    gap: 0.2rem;
    font-weight: 500;
    font-size: 0.75rem;
    color: var(--ink-soft);
    white-space: nowrap;
  }
  .faces small {
    font-size: inherit;
  }
  .faces button[aria-pressed="true"] {
    background: var(--sunken);
    color: var(--ink);
  }
  .readings {
    display: grid;
    grid-template-columns: minmax(11rem, 0.8fr) minmax(16rem, 1.4fr) minmax(13rem, 0.9fr);
    gap: 1.4rem;
    border-top: 1px solid var(--line);
    padding-top: 1.1rem;
  }
  .chart svg {
    display: block;
    width: 100%;
    height: auto;
    margin-top: 0.4rem;
    overflow: visible;
  }
  svg text {
    font: 500 11.5px var(--sans);
    fill: var(--ink-soft);
  }
  /* The chart grows with its room; its type, which grows with the page, must not grow twice. */
  .chart svg text {
    font-size: min(0.8125rem, 9px + 0.25rem);
  }
  svg .grid {
    stroke: var(--line);
  }
  svg .axis {
    stroke: var(--line-strong);
  }
  svg .bar {
    fill: var(--line-strong);
    opacity: 0.55;
  }
  svg .pass {
    stroke: var(--ink-faint);
    stroke-dasharray: 2 3;
  }
  svg .curve {
    stroke-width: 3;
    stroke-linecap: round;
  }
  svg .marked {
    stroke: var(--ink);
    stroke-width: 1.5;
    fill: var(--ink);
  }
  .pair {
    display: flex;
    align-items: center;
    gap: 0.5rem;
    margin: 0.5rem 0;
  }
  /* In the units of the page's type, which is large on a projector. */
  .pair figure {
    flex: none;
    width: 4.5rem;
  }
  figure {
    margin: 0;
    text-align: center;
  }
  figcaption {
    font-size: var(--text-s);
    color: var(--ink-soft);
    margin-top: 0.25rem;
  }
  .between {
    flex: 0 1 4.5rem;
    text-align: center;
    padding-bottom: 1.4rem;
  }
  .agree {
    font-weight: 700;
    font-size: var(--text-l);
  }
  .dots {
    display: block;
    border-top: 2px dotted var(--line-strong);
    margin-top: 0.15rem;
  }
  .lit {
    border-radius: var(--radius-s);
    box-shadow: 0 0 0 4px color-mix(in srgb, var(--mark) 65%, transparent);
  }
  table {
    border-collapse: collapse;
    font-size: var(--text-s);
    width: 100%;
  }
  caption {
    text-align: left;
    color: var(--ink-soft);
    padding-bottom: 0.4rem;
  }
  th,
  td {
    text-align: right;
    padding: 0.2rem 0.6rem;
    border-bottom: 1px solid var(--line);
  }
  .problem,
  .alarm {
    flex: 1 1 100%;
    color: var(--bad);
    font-size: var(--text-s);
  }
  @container (max-width: 860px) {
    .readings {
      grid-template-columns: minmax(10rem, 0.8fr) minmax(15rem, 1.2fr);
    }
    .card {
      grid-column: 1 / -1;
    }
  }
  @container (max-width: 560px) {
    .controls {
      order: 0;
      border-bottom: 1px solid var(--line);
    }
    .below {
      padding-top: clamp(0.9rem, 2.4cqw, 1.6rem) !important;
    }
    .below > :first-child {
      border-top: 0;
      padding-top: 0;
    }
    .readings {
      grid-template-columns: minmax(0, 1fr);
    }
    .faces {
      grid-template-columns: repeat(6, minmax(0, 1fr));
    }
  }
  @container (max-width: 47rem) {
    .faces small {
      display: none;
    }
  }
`;
