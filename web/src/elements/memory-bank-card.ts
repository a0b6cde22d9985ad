import { html, type TemplateResult } from "lit";
import type { Catalog } from "../api.js";
import type { Atlas } from "../model/atlas.js";
import type { RowFacts } from "../model/bank.js";
import { steps } from "../model/format.js";
import { count, fixed } from "../model/say.js";

/** Two pictures of one row side by side: what the bank has on file, and the image as it meets the encoder today. */
export function rowCard(facts: RowFacts, atlas: Atlas | null, catalog: Catalog, ready: boolean): TemplateResult {
  const known = facts.age !== null;
  const state = !known ? "never" : facts.age === 0 ? "fresh" : "known";
  const writing = known
    ? html`Written at step ${count(facts.written)}, <figure-tip .catalog=${catalog} name="row_age"><strong>${steps(facts.age ?? 0)}</strong> ago</figure-tip>
        (${fixed(facts.passes, 2)} of a pass).`
    : html`${ready ? "Never visited: the row still holds random numbers. Its first visit will write it." : "Not here yet."}`;
  return html`<div class="card">
    <h3>Row ${count(facts.row)}</h3>
    <div class="pair">
      <figure>
        <memory-bank-photo
          fluid
          .atlas=${atlas}
          .image=${facts.row}
          .consistency=${facts.consistency}
          .state=${state}
          .size=${96}
        ></memory-bank-photo>
        <figcaption>on file</figcaption>
      </figure>
      <div class="between">
        <span class="agree">${fixed(facts.consistency)}</span>
        <span class="dots" aria-hidden="true"></span>
      </div>
      <figure>
        <memory-bank-photo fluid .atlas=${atlas} .image=${facts.row} .consistency=${1} state="known" .size=${96}></memory-bank-photo>
        <figcaption>today</figcaption>
      </figure>
    </div>
    <p class="soft">${writing} ${agreement(facts, catalog)}</p>
  </div>`;
}

function agreement(facts: RowFacts, catalog: Catalog): TemplateResult {
  if (facts.age === null) return html``;
  if (facts.cosine !== null) {
    return html`The last probe took this very row:
      <figure-tip .catalog=${catalog} name="drift_cosine">cosine ${fixed(facts.cosine)}</figure-tip>
      with today’s embedding.`;
  }
  if (facts.consistency === null) return html`Not measured yet.`;
  return html`The number is
    <figure-tip .catalog=${catalog} name="row_consistency">the consistency</figure-tip> measured on rows of this age.`;
}
