import { css } from "lit";

/** Below a figure: the one dial that its idea turns on, the run's buttons, and behind "More" all else. */
export const controlsStyles = css`
  .controls {
    display: flex;
    flex-wrap: wrap;
    align-items: end;
    justify-content: space-between;
    gap: 1rem 2rem;
    border-top: 1px solid var(--line);
    padding: 1rem clamp(0.9rem, 2.4cqw, 1.6rem);
  }
  .controls knob-slider {
    flex: 1 1 16rem;
    max-width: 24rem;
  }
  .controls transport-bar[slow] {
    flex: 1 1 100%;
  }
  details {
    flex: 1 1 100%;
  }
  summary {
    cursor: pointer;
    font-size: var(--text-s);
    font-weight: 600;
    color: var(--ink-soft);
    width: fit-content;
  }
  .more {
    display: flex;
    flex-wrap: wrap;
    align-items: end;
    gap: 1rem 2rem;
    padding-top: 0.8rem;
  }
`;
