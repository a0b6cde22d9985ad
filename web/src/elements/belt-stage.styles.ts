import { css } from "lit";

export const beltStageStyles = css`
  :host {
    position: relative;
  }
  .stage {
    position: relative;
  }
  canvas {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
    touch-action: pan-y;
  }
  :host(:not([narrow])) .inside {
    position: absolute;
    z-index: 1;
    display: flex;
    align-items: center;
    justify-content: center;
    pointer-events: none;
  }
  ::slotted(*) {
    pointer-events: auto;
  }
  .box {
    position: absolute;
    z-index: 2;
    display: flex;
    flex-direction: column;
    align-items: center;
    justify-content: center;
    text-align: center;
    border-radius: 0.9rem;
    line-height: 1.3;
    transition: box-shadow var(--quick);
  }
  .box b {
    font-size: var(--belt-text, inherit);
  }
  .box span {
    font-size: var(--belt-text, var(--text-s));
  }
  .query {
    min-width: max-content;
    padding: 0 0.4rem;
    white-space: nowrap;
    border: 2px solid var(--positive);
    background: var(--surface);
    color: var(--positive);
  }
  .kitchen {
    background: var(--nori);
    color: var(--on-nori);
    padding-top: 1.1rem;
    overflow: hidden;
  }
  .kitchen i {
    position: absolute;
    inset: 0 0.5rem auto;
    height: 26%;
    border-radius: 0 0 0.4rem 0.4rem;
    background: repeating-linear-gradient(
      to right,
      var(--nori-soft) 0 calc(25% - 0.3rem),
      transparent calc(25% - 0.3rem) calc(25% + 0.1rem)
    );
  }
  .leaving {
    border: 1.5px dashed var(--line-strong);
    background: var(--surface);
  }
  .leaving span {
    color: var(--ink-soft);
  }
  .lit {
    box-shadow: 0 0 0 4px color-mix(in srgb, var(--mark) 65%, transparent);
  }
  .arrow {
    position: absolute;
    z-index: 2;
  }
  .arrow svg {
    position: absolute;
    left: -9px;
  }
  .arrow span {
    position: absolute;
    left: 1rem;
    top: 50%;
    transform: translateY(-50%);
    white-space: nowrap;
    font-size: var(--belt-text, var(--text-s));
    color: var(--ink-soft);
  }
  .card {
    position: absolute;
    z-index: 6;
    pointer-events: none;
  }
  :host([narrow]) .box b,
  :host([narrow]) .box span {
    font-size: 0.75rem;
  }
  :host([narrow]) .kitchen {
    padding-top: 0.8rem;
  }
  :host([narrow]) .arrow span {
    font-size: 0.75rem;
  }
`;
