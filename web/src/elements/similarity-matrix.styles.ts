import { css } from "lit";

/** The matrix's card: the map left, the pair and the augmentations right, the distributions below. */
export const matrixStyles = css`
  .main {
    display: grid;
    grid-template-columns: minmax(0, 1.45fr) minmax(17rem, 1fr);
    gap: 1.2rem 1.6rem;
    align-items: start;
  }
  .frame {
    display: grid;
    grid-template-columns: auto minmax(0, 1fr);
    gap: 0.2rem 0.35rem;
  }
  .across,
  .down {
    display: flex;
    justify-content: space-around;
    font-size: var(--text-s);
    color: var(--ink-soft);
  }
  .across {
    grid-column: 2;
  }
  .down {
    writing-mode: vertical-rl;
    transform: rotate(180deg);
    flex-direction: row-reverse;
  }
  .side {
    display: grid;
    gap: 1.1rem;
    min-width: 0;
  }
  .legend i.positive {
    background: var(--positive);
  }
  .legend i.negative {
    background: var(--untune);
  }
  .legend b {
    color: var(--ink);
  }
  .legend small {
    font-size: inherit;
  }
  b.positive {
    color: var(--positive);
  }
  b.negative {
    color: var(--accent);
  }
  .card .pair {
    justify-content: space-between;
  }
  .card .pair figure {
    width: 6.25rem;
    white-space: nowrap;
  }
  /* "original of image 64" is wider than its picture. */
  .card .pair figcaption {
    margin-inline: -0.6rem;
  }
  .card .between {
    padding-bottom: 1.4rem;
  }
  .card .agree {
    display: block;
    font-size: 1.7rem;
    font-weight: 750;
    letter-spacing: -0.02em;
    line-height: 1.1;
  }
  .between.positive .agree {
    color: var(--positive);
  }
  .between.negative .agree {
    color: var(--accent);
  }
  .card p {
    min-height: 3em;
  }
  .card p.unsent {
    min-height: 0;
    margin-top: 0.35rem;
  }
  .switches {
    display: flex;
    flex-wrap: wrap;
    gap: 0.4rem;
    margin: 0.5rem 0 0.8rem;
  }
  .views {
    display: grid;
    grid-template-columns: auto repeat(6, minmax(0, 1fr));
    gap: 0.25rem;
    align-items: center;
  }
  .views span {
    font-size: 0.75rem;
    color: var(--ink-soft);
    padding-right: 0.3rem;
  }
  .readings.two {
    grid-template-columns: minmax(0, 1.9fr) minmax(11rem, 1fr);
  }
  .views + p {
    margin-top: 0.35rem;
  }
  .stats {
    display: grid;
    gap: 0.9rem;
    align-content: start;
  }
  svg.distributions {
    display: block;
    width: 100%;
    height: auto;
  }
  svg path.negative {
    fill: var(--untune);
    fill-opacity: 0.35;
    stroke: var(--untune);
    stroke-width: 1.2;
  }
  svg path.positive {
    fill: var(--positive);
    fill-opacity: 0.35;
    stroke: var(--positive);
    stroke-width: 1.6;
  }
  svg .mean {
    stroke-width: 2.5;
  }
  svg .mean.positive {
    stroke: var(--positive);
  }
  svg .mean.negative {
    stroke: var(--untune);
    stroke-dasharray: 5 3;
  }
  svg .gap {
    stroke: var(--ink);
    stroke-width: 1.5;
  }
  .table {
    max-height: 20rem;
    overflow: auto;
  }
  @container (max-width: 760px) {
    .main,
    .readings.two {
      grid-template-columns: minmax(0, 1fr);
    }
  }
  /* A page's end would put the parts of a grid over each other. */
  @media print {
    .main,
    .readings.two {
      display: block;
    }
  }
  /* Drawn in pixels, so its text can follow the page's. */
  .distributions text {
    font-size: max(11.5px, 0.7rem);
  }
`;
