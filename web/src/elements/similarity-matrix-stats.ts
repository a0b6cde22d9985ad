import { html, nothing, svg, type TemplateResult } from "lit";
import type { Catalog } from "../api.js";
import { percent } from "../model/format.js";
import type { RunView } from "../model/run-view.js";
import { count, fixed } from "../model/say.js";

const WAITING = "waiting for the first batch";

/** Loss with its chance level and contrastive accuracy, each with its recent past. */
export function matrixStats(view: RunView | null, catalog: Catalog, images: number): TemplateResult {
  const chance = view?.scalar("loss_chance") ?? null;
  const series = (name: string) => view?.history.series(name) ?? { step: [], value: [] };
  const tip = (name: string, text: string) =>
    html`<figure-tip .catalog=${catalog} .view=${view} name=${name}>${text}</figure-tip>`;
  return html`<div class="stats">
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

/** A small line of the recent past on a fixed scale from 0 to `top`, with an optional level drawn across. */
export function sparkline(
  series: { step: ArrayLike<number>; value: ArrayLike<number> },
  top: number,
  level: number | null,
  name: string,
): TemplateResult {
  const width = 180;
  const height = 44;
  const y = (value: number): string =>
    (height - 3 - (Math.min(top, Math.max(0, value)) / top) * (height - 6)).toFixed(1);
  const stride = Math.max(1, Math.ceil(series.value.length / 160));
  const first = series.step[0] ?? 0;
  const span = Math.max(1, (series.step[series.step.length - 1] ?? 1) - first);
  const points: string[] = [];
  for (let place = 0; place < series.value.length; place += 1) {
    const value = series.value[place]!;
    if (Number.isNaN(value) || (place % stride !== 0 && place !== series.value.length - 1)) continue;
    points.push(`${(((series.step[place]! - first) / span) * width).toFixed(1)},${y(value)}`);
  }
  // A single value is a short dash at the right end.
  const only = points.length === 1 ? points[0]!.split(",")[1] : null;
  if (only) points.splice(0, 1, `${width - 12},${only}`, `${width},${only}`);
  return html`<svg class="spark" viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label=${name}>
    ${level === null ? nothing : svg`<line class="level" x1="0" x2=${width} y1=${y(level)} y2=${y(level)} />`}
    <polyline points=${points.join(" ")} />
  </svg>`;
}
