import { css } from "lit";

export const stepByStepStyles = css`
  :host {
    container-type: inline-size;
  }
  .slow {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 0.7rem;
    padding: 0.9rem 1rem 1rem;
    border: 1px solid var(--line);
    border-radius: var(--radius-s);
    background: var(--sunken);
  }
  .head {
    display: flex;
    align-items: baseline;
    justify-content: space-between;
    gap: 1rem;
  }
  h4 {
    margin: 0;
    font-size: var(--text-m);
    font-weight: 700;
  }
  p {
    margin: 0;
    max-width: 46rem;
  }
  ol {
    display: flex;
    flex-wrap: wrap;
    gap: 0.3rem 0;
    margin: 0;
    padding: 0;
    list-style: none;
    font-size: var(--text-s);
  }
  /* A bead a part on one thread: full when taken, ringed when present, hollow when to come. */
  li {
    position: relative;
    flex: 1 1 0;
    min-width: 3.9rem;
    padding-top: 1.15rem;
    color: var(--ink-soft);
  }
  li::before {
    content: "";
    position: absolute;
    top: 0.45rem;
    left: 0;
    right: 0;
    border-top: 2px solid var(--line-strong);
  }
  li:last-child::before {
    right: auto;
    width: 0.9rem;
  }
  li::after {
    content: "";
    position: absolute;
    top: 0;
    left: 0;
    width: 0.9rem;
    height: 0.9rem;
    border: 2px solid var(--line-strong);
    border-radius: 50%;
    background: var(--sunken);
  }
  li.done::before {
    border-color: var(--ink-soft);
  }
  li.done::after {
    border-color: var(--ink-soft);
    background: var(--ink-soft);
  }
  li[aria-current]::after {
    border-color: var(--mark);
    background: var(--mark);
    box-shadow: 0 0 0 3px var(--sunken), 0 0 0 5px var(--mark);
  }
  li[aria-current] {
    color: var(--ink);
    font-weight: 700;
  }
  .both {
    display: grid;
    gap: 0.7rem 2rem;
  }
  .say {
    display: flex;
    flex-direction: column;
    justify-content: space-between;
    gap: 0.7rem;
  }
  .sentence {
    font-size: var(--text-l);
    text-wrap: pretty;
  }
  .found {
    display: grid;
    gap: 0.5rem;
    align-content: start;
    min-height: 11.5rem;
  }
  .bar {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.5rem;
  }
  .refusal {
    color: var(--bad);
    font-size: var(--text-s);
  }
  .rate {
    font-size: var(--text-l);
    font-weight: 650;
  }
  .views {
    display: grid;
    grid-template-columns: max-content repeat(8, minmax(0, 3.4rem));
    gap: 0.25rem;
    align-items: center;
  }
  .views span {
    padding-right: 0.4rem;
    font-size: 0.75rem;
    color: var(--ink-soft);
    white-space: nowrap;
  }
  .gaps {
    display: grid;
    grid-template-columns: max-content minmax(3rem, 18rem) auto;
    justify-content: start;
    gap: 0.35rem 0.8rem;
    align-items: center;
    font-size: var(--text-s);
  }
  .gaps svg {
    width: 100%;
    height: 0.7rem;
  }
  .with {
    display: inline-flex;
    align-items: center;
    gap: 0.45rem;
  }
  .track {
    fill: var(--line);
  }
  .pull {
    fill: var(--positive);
  }
  .push {
    fill: var(--untune);
  }
  svg.axis {
    display: block;
    width: 100%;
    max-width: 30rem;
    height: auto;
  }
  .base {
    stroke: var(--line-strong);
  }
  text {
    font: 500 9px var(--sans);
    fill: var(--ink-soft);
    text-anchor: middle;
  }
  circle.positive {
    fill: color-mix(in srgb, var(--positive) 25%, transparent);
    stroke: var(--positive);
    stroke-width: 1.4;
  }
  path.negative {
    stroke: var(--untune);
    stroke-width: 1.2;
  }
  figure {
    margin: 0;
    text-align: center;
  }
  figcaption {
    font-size: 0.75rem;
    color: var(--ink-soft);
  }
  .query,
  .row,
  .moves {
    display: flex;
    flex-wrap: wrap;
    align-items: end;
    gap: 0.4rem;
  }
  .own {
    margin-right: 0.7rem;
  }
  .own figcaption {
    color: var(--positive);
    font-weight: 600;
  }
  .random {
    display: grid;
    place-items: center;
    width: 40px;
    height: 40px;
    border: 1px dashed var(--line-strong);
    border-radius: 4px;
    font-size: 0.625rem;
    color: var(--ink-soft);
  }
  .row i {
    align-self: center;
    font-style: normal;
    font-size: var(--text-s);
    color: var(--ink-soft);
  }
  .moves {
    display: grid;
    grid-template-columns: auto minmax(0, 1fr);
    gap: 0.4rem 0.8rem;
    align-items: center;
    font-size: var(--text-s);
  }
  /* Side by side, so that as much as can be of the figure stays in sight above. */
  @container (min-width: 44rem) {
    .both {
      grid-template-columns: minmax(15rem, 4fr) minmax(0, 7fr);
    }
  }
  @container (max-width: 28rem) {
    .views {
      grid-template-columns: max-content repeat(8, minmax(0, 1fr));
    }
    .row > :nth-child(n + 6):not(i) {
      display: none;
    }
    .query > :nth-child(n + 6) {
      display: none;
    }
  }
`;
