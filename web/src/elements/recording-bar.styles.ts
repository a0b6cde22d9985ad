import { css } from "lit";

export const recordingBarStyles = css`
  :host {
    position: sticky;
    bottom: 0;
    z-index: 5;
    margin-top: 0.75rem;
    padding-bottom: 0.5rem;
    background: linear-gradient(transparent 60%, var(--ground) 60%);
    container-type: inline-size;
  }
  .bar {
    display: grid;
    grid-template-columns: auto minmax(8rem, 1fr) auto auto auto;
    gap: 0.25rem 0.75rem;
    align-items: center;
    padding: 0.6rem 0.9rem 0.5rem;
    border: 1px solid var(--bar-line, var(--line));
    border-radius: var(--radius);
    background: var(--surface);
    box-shadow: 0 0.4rem 1.4rem var(--shade);
  }
  .play {
    min-width: 5.25rem;
  }
  .track {
    min-width: 0;
  }
  .track input {
    display: block;
    margin: 0;
    touch-action: none;
  }
  .marks {
    position: relative;
    height: 0.8rem;
    margin: -0.3rem 0.625rem 0;
  }
  .marks:empty {
    display: none;
  }
  .marks button {
    position: absolute;
    top: -0.4rem;
    left: var(--at);
    width: 1.5rem;
    min-height: 1.5rem;
    padding: 0;
    border: 0;
    background: none;
    transform: translateX(-50%);
  }
  .marks button::before {
    content: "";
    display: block;
    width: 0.55rem;
    height: 0.55rem;
    margin: auto;
    border-radius: 50%;
    background: var(--accent);
  }
  .marks button:hover::before {
    scale: 1.4;
  }
  .time {
    min-width: 5.5rem;
    font-weight: 700;
    text-align: right;
    white-space: nowrap;
  }
  .time span {
    font-weight: 400;
    color: var(--ink-soft);
  }
  select {
    min-height: 2.5rem;
    padding: 0.35rem 0.4rem;
    border: 1px solid var(--line);
    border-radius: var(--radius-s);
    font: inherit;
    color: var(--ink);
    background: var(--surface);
  }
  .loop[aria-pressed="true"] {
    border-color: var(--positive);
    color: var(--positive);
    box-shadow: inset 0 0 0 1px var(--positive);
  }
  p {
    grid-column: 1 / -1;
    min-width: 0;
    margin: 0;
  }
  .caption {
    display: flex;
    flex-wrap: wrap;
    gap: 0 1.25rem;
    font-size: var(--text-s);
    color: var(--ink-soft);
  }
  b {
    color: var(--ink);
    white-space: nowrap;
  }
  .caption b::before,
  .wait b::before {
    content: "";
    display: inline-block;
    width: 0.55rem;
    height: 0.55rem;
    margin-right: 0.45rem;
    border-radius: 50%;
    background: var(--accent);
  }
  progress {
    grid-column: 1 / -1;
    width: 100%;
    height: 0.4rem;
    accent-color: var(--ink);
  }
  code {
    font-family: var(--mono);
    overflow-wrap: anywhere;
  }
  .wrong {
    grid-column: 1 / -2;
    overflow-wrap: anywhere;
  }
  @container (max-width: 34rem) {
    .bar {
      grid-template-columns: auto minmax(0, 1fr) auto auto;
      gap: 0.15rem 0.6rem;
      padding: 0.3rem 0.7rem 0.35rem;
    }
    .track {
      grid-column: 1 / -1;
      grid-row: 1;
    }
    .bar button.play,
    .loop,
    select {
      min-width: 0;
      min-height: 2.25rem;
      padding: 0.2rem 0.7rem;
    }
    .bar button.play {
      min-width: 4.6rem;
    }
    select {
      padding-inline: 0.3rem;
    }
    .time {
      min-width: 0;
    }
    .caption {
      flex-wrap: nowrap;
      gap: 0.75rem;
    }
    .latest {
      min-width: 0;
      white-space: nowrap;
      overflow: hidden;
      text-overflow: ellipsis;
    }
    .day {
      display: none;
    }
  }
  @container (max-width: 18rem) {
    .time span {
      display: none;
    }
  }
`;
