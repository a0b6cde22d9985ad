import { css } from "lit";

export const laneStyles = css`
  :host {
    container-type: inline-size;
    padding: 0 clamp(0.8rem, 2.4vw, 1.7rem) 1.2rem;
  }
  p {
    margin: 0.3rem 0;
    max-width: 50rem;
    text-wrap: pretty;
  }
  h3,
  h4 {
    margin: 1rem 0 0.2rem;
    font-size: var(--text-m);
  }
  .sides,
  .histories {
    display: grid;
    grid-template-columns: repeat(2, minmax(0, 1fr));
    gap: 0.5rem 2rem;
  }
  .sides {
    margin-top: 0.9rem;
  }
  .side {
    padding-top: 0.6rem;
    border-top: 3px solid var(--side);
  }
  .side.b {
    border-top-style: dashed;
  }
  .a {
    --side: var(--tune);
  }
  .b {
    --side: var(--accent);
  }
  .side h4 {
    display: flex;
    align-items: center;
    gap: 0.5rem;
    margin: 0;
    font-size: var(--text-l);
  }
  .big {
    font-size: var(--text-hero);
    font-weight: 700;
    line-height: 1.1;
    letter-spacing: -0.03em;
  }
  .difference {
    font-weight: 600;
  }
  .sign {
    flex: none;
    width: 2.1rem;
    height: 0.9rem;
  }
  svg {
    display: block;
    max-width: 100%;
    overflow: visible;
  }
  text {
    font-size: 0.75rem;
    fill: var(--ink-soft);
  }
  .sign line,
  .line {
    fill: none;
    stroke: var(--side);
    stroke-width: 2.25;
    stroke-linejoin: round;
  }
  .line.b,
  .sign.b line {
    stroke-dasharray: 6 4;
  }
  .mark {
    fill: var(--side);
    stroke: var(--surface);
    stroke-width: 1.5;
  }
  .rail {
    stroke: var(--line);
    stroke-width: 6;
    stroke-linecap: round;
  }
  .gap {
    stroke: var(--line-strong);
    stroke-width: 6;
  }
  .tick,
  .grid {
    stroke: var(--line);
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.5rem;
    margin-top: 1rem;
  }
  .trouble {
    margin: 0.5rem 0;
    padding: 0.8rem 1.1rem;
    border-left: 4px solid var(--warn);
    background: var(--sunken);
    border-radius: var(--radius-s);
  }
  table {
    border-collapse: collapse;
    margin-top: 0.8rem;
  }
  caption {
    text-align: left;
    color: var(--ink-soft);
    font-size: var(--text-s);
  }
  th,
  td {
    padding: 0.2rem 1.2rem 0.2rem 0;
    text-align: left;
    font-size: var(--text-s);
    border-bottom: 1px solid var(--line);
  }
  @container (max-width: 34rem) {
    .sides,
    .histories {
      grid-template-columns: minmax(0, 1fr);
    }
    .sides {
      gap: 1rem;
    }
    .big {
      font-size: 2rem;
    }
  }
`;
