import { html, type TemplateResult } from "lit";
import type { Catalog } from "../api.js";
import { percent } from "../model/format.js";
import type { RunView } from "../model/run-view.js";
import { count, fixed } from "../model/say.js";
import { halfCollapsed } from "./half-collapsed.js";
import { sparkline } from "./sparkline.js";

const WAITING = "waiting for the first batch";

/** Loss with its chance level and contrastive accuracy, each with its recent past. */
export function matrixStats(view: RunView | null, catalog: Catalog, images: number): TemplateResult {
  const chance = view?.scalar("loss_chance") ?? null;
  const series = (name: string) => view?.history.series(name) ?? { step: [], value: [] };
  const tip = (name: string, text: string) =>
    html`<figure-tip .catalog=${catalog} .view=${view} name=${name}>${text}</figure-tip>`;
  return html`<div class="stats">
    ${halfCollapsed(view, tip)}
    <div class="stat">
      <div class="name">${tip("loss", "Loss")}<span class="value">${fixed(view?.scalar("loss"))}</span></div>
      ${sparkline(series("loss"), Math.max(1, (chance ?? 4) * 1.15), chance, "Loss by step")}
      <p class="soft">
        ${images ? html`mean over ${count(2 * images)} rows; dashed: ${tip("loss_chance", `chance, ${fixed(chance)}`)}` : WAITING}
      </p>
    </div>
    <div class="stat">
      <div class="name">
        ${tip("accuracy", "Contrastive accuracy")}<span class="value">${percent(view?.scalar("accuracy"))}</span>
      </div>
      ${sparkline(series("accuracy"), 1, null, "Contrastive accuracy by step")}
      <p class="soft">
        ${images ? `rows whose positive comes first of ${count(2 * images - 1)}; n = ${count(2 * images)}` : WAITING}
      </p>
    </div>
  </div>`;
}
