import { css } from "lit";

/** Styles that every element shares: type, buttons, focus, tabular figures, a way to hide what is only heard. */
export const house = css`
  :host {
    display: block;
    box-sizing: border-box;
    font-family: var(--sans);
    font-size: var(--text-m);
    line-height: 1.45;
    color: var(--ink);
    font-variant-numeric: tabular-nums lining-nums;
  }
  :host([hidden]) {
    display: none;
  }
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  button {
    font: inherit;
    font-weight: 600;
    color: var(--ink);
    background: var(--surface);
    border: 1px solid var(--line);
    border-radius: var(--radius-s);
    min-height: 2.5rem;
    padding: 0.35rem 0.95rem;
    cursor: pointer;
    transition: background var(--quick);
  }
  button:hover:not(:disabled, [aria-disabled="true"]) {
    background: var(--sunken);
    border-color: var(--line-strong);
  }
  button:disabled,
  button[aria-disabled="true"] {
    color: var(--ink-faint);
    cursor: default;
  }
  button.primary {
    background: var(--ink);
    border-color: var(--ink);
    color: var(--surface);
  }
  button.primary:hover:not(:disabled, [aria-disabled="true"]) {
    background: color-mix(in srgb, var(--ink) 84%, var(--surface));
  }
  button.primary:disabled,
  button.primary[aria-disabled="true"] {
    background: var(--sunken);
    border-color: var(--line);
    color: var(--ink-faint);
  }
  button.plain {
    background: none;
    border: 0;
    padding: 0.2rem 0;
    min-height: 0;
    font-weight: 500;
    color: var(--positive);
    text-decoration: underline dotted;
    text-underline-offset: 0.25em;
  }
  :focus-visible {
    outline: 2px solid var(--focus);
    outline-offset: 2px;
    border-radius: 4px;
  }
  .soft {
    color: var(--ink-soft);
    font-size: var(--text-s);
  }
  .heard {
    position: absolute;
    width: 1px;
    height: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
`;
