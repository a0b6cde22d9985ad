import { css, html, type TemplateResult } from "lit";
import type { Catalog } from "../api.js";
import { percent } from "../model/format.js";
import type { RunView } from "../model/run-view.js";
import { count, fixed } from "../model/say.js";
import { sparkline } from "./sparkline.js";

/** They stand for the meter's two short lines, which a low piece keeps. */
export const harmStyles = css`
  .harm {
    grid-column: 1 / -1;
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(100%, 16rem), 1fr));
    gap: 1rem 2.2rem;
  }
  :host(:not([compact])) consistency-meter::part(tests) {
    display: none;
  }
  :host(:is([compact], [hide~="meter"])) .harm {
    display: none;
  }
`;

/** What stale rows do: whether they still name their image, and how far they turn the gradient; each with its sample. */
export function harm(view: RunView | null, catalog: Catalog): TemplateResult {
  const n = view?.scalar("probe_n") ?? null;
  const batch = view?.scalar("batch_size") ?? null;
  const at = `step ${count(view?.scalar("probe_step"))}`;
  const past = view?.history.series("gradient_agreement") ?? { step: [], value: [] };
  const tip = (name: string, text: string) =>
    html`<figure-tip .catalog=${catalog} .view=${view} name=${name}>${text}</figure-tip>`;
  return html`<div class="harm">
    <div class="stat">
      <div class="name">
        ${tip("id_photo", "ID-photo test")}<span class="value">${percent(view?.scalar("id_photo"))}</span>
      </div>
      <p class="soft">
        How often an image encoded now finds its own row among
        ${n ? html`n = ${count(n)} rows, ${at}. By chance ${percent(1 / n)}.` : "the rows sampled."}
      </p>
    </div>
    <div class="stat">
      <div class="name">
        ${tip("gradient_agreement", "Gradient agreement")}<span class="value">${fixed(view?.scalar("gradient_agreement"))}</span>
      </div>
      ${sparkline(past, 1, null, "Gradient agreement by step, on a scale from 0 to 1")}
      <p class="soft">
        Cosine between the gradient that the stored rows give and the one they would give if encoded now. 1: no
        harm.${n && batch ? ` n = ${count(n)} rows against ${count(batch)} queries, ${at}.` : ""}
      </p>
    </div>
  </div>`;
}
