import { html, nothing, type TemplateResult } from "lit";
import type { RunView } from "../model/run-view.js";
import { fixed } from "../model/say.js";

/** Spread per dimension (1 is even) below which consistency can flatter, and cosines tell little. */
const HALF_COLLAPSED = 0.3;

/** The alarm of a figure whose encoder hardly tells pictures apart. `tip` explains a figure of the catalog. */
export function halfCollapsed(
  view: RunView | null,
  tip: (name: string, text: string) => TemplateResult,
): TemplateResult | typeof nothing {
  const spread = view?.scalar("collapse_std") ?? 1;
  if (spread >= HALF_COLLAPSED) return nothing;
  return html`<div class="alarm">
    ${tip("collapse_std", "Half collapsed")}: spread ${fixed(spread)} of 1, pictures look much alike here, so read with care.
  </div>`;
}
