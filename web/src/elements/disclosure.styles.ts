import { css } from "lit";

/** A line below a figure that opens a part of its own. */
export const disclosure = css`
  details {
    border: 1px solid var(--line);
    border-radius: var(--radius);
    background: var(--surface);
  }
  summary {
    padding: 0.8rem clamp(0.8rem, 2.4vw, 1.7rem);
    font-weight: 600;
    cursor: pointer;
  }
  .inside {
    padding: 0 clamp(0.8rem, 2.4vw, 1.7rem) 1.2rem;
  }
  .failed {
    color: var(--bad);
  }
`;
