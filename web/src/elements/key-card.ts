import { css, html, type TemplateResult } from "lit";
import type { Catalog } from "../api.js";
import type { Atlas } from "../model/atlas.js";
import { steps } from "../model/format.js";
import type { KeyFacts } from "../model/key-facts.js";
import { count, fixed } from "../model/say.js";
import "./figure-tip.js";
import "./memory-bank-photo.js";

/** What hovering a plate or a cell tells: picture, age, step written, measured drift. */
export function keyCard(facts: KeyFacts, atlas: Atlas | null, catalog: Catalog | null): TemplateResult {
  return html`<div class="key-card">
    <memory-bank-photo .atlas=${atlas} .image=${facts.image} .consistency=${facts.consistency} .size=${68}></memory-bank-photo>
    <div>
      <b>${facts.age === 0 ? "Just written" : `${steps(facts.age)} old`}</b>
      <span>written at step ${count(facts.written)}, image ${count(facts.image)}</span>
      <span
        ><figure-tip .catalog=${catalog} name="consistency">consistency</figure-tip> at this age
        <b class="inline">${fixed(facts.consistency)}</b></span
      >
      ${facts.cosine === null ? html`<span>not in the last sample itself</span>` : html`<span>its own <figure-tip .catalog=${catalog} name="drift_cosine">drift cosine</figure-tip> <b class="inline">${fixed(facts.cosine, 3)}</b></span>`}
    </div>
  </div>`;
}

/** The same in a sentence. */
export function keySentence(facts: KeyFacts, held: number): string {
  const age = facts.age === 0 ? "just written" : `${steps(facts.age)} old`;
  return (
    `Key ${count(facts.rank)} of ${count(held)}, ${age}, written at step ${count(facts.written)}, ` +
    `consistency at this age ${facts.consistency === null ? "not measured" : fixed(facts.consistency)}`
  );
}

export const keyCardStyles = css`
  .key-card {
    display: flex;
    gap: 0.8rem;
    align-items: center;
    padding: 0.65rem 0.9rem 0.65rem 0.65rem;
    border: 1px solid var(--line);
    border-radius: var(--radius-s);
    background: var(--surface);
    box-shadow: 0 0.5rem 2rem var(--shade);
    font-size: var(--text-s);
    line-height: 1.4;
    color: var(--ink-soft);
    white-space: nowrap;
  }
  .key-card span,
  .key-card b {
    display: block;
  }
  .key-card b {
    color: var(--ink);
    font-size: var(--text-m);
  }
  .key-card b.inline {
    display: inline;
    font-size: inherit;
  }
`;
