import { css } from "lit";

/** A slider of the house; `--filled` is how far its track is filled, as a percentage. */
export const range = css`
  input {
    appearance: none;
    width: 100%;
    height: 1.75rem;
    margin: 0.1rem 0 0;
    background: none;
    cursor: pointer;
    touch-action: pan-y;
  }
  input::-webkit-slider-runnable-track {
    height: 0.4rem;
    border-radius: 1rem;
    background: linear-gradient(to right, var(--ink) var(--filled, 0%), var(--line) var(--filled, 0%));
  }
  input::-moz-range-track {
    height: 0.4rem;
    border-radius: 1rem;
    background: linear-gradient(to right, var(--ink) var(--filled, 0%), var(--line) var(--filled, 0%));
  }
  input::-webkit-slider-thumb {
    appearance: none;
    width: 1.25rem;
    height: 1.25rem;
    margin-top: -0.425rem;
    border-radius: 50%;
    border: 3px solid var(--surface);
    background: var(--ink);
    box-shadow: 0 0 0 1px var(--ink);
  }
  input::-moz-range-thumb {
    width: 0.9rem;
    height: 0.9rem;
    border-radius: 50%;
    border: 3px solid var(--surface);
    background: var(--ink);
    box-shadow: 0 0 0 1px var(--ink);
  }
  input:disabled {
    opacity: 0.45;
    cursor: default;
  }
`;
