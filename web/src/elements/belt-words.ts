import { html, type TemplateResult } from "lit";
import { momentumText, steps } from "../model/format.js";
import type { RunView } from "../model/run-view.js";
import { count, fixed, trend } from "../model/say.js";

/** The whole figure in one breath. */
export function beltSentence(view: RunView | null): string {
  const belt = view?.dictionary;
  if (!view || !belt?.ready) return "The queue has not arrived yet.";
  const consistency = view.scalar("consistency");
  const momentum = view.knob("momentum");
  const measured =
    consistency === null
      ? view.scalar("probe_step") === null
        ? "Consistency is not measured yet."
        : "The encoder has collapsed: consistency has no value."
      : `Consistency ${fixed(consistency)}, ${trend(view.history.series("consistency").value)}.`;
  return (
    `Step ${count(belt.step)}. ${count(belt.fill)} keys, the oldest ${steps(view.scalar("oldest_age") ?? 0)} old. ` +
    `Momentum ${typeof momentum === "number" ? momentumText(momentum) : "unknown"}. ${measured}`
  );
}

/** The figure as a table: the measured curve, bin by bin. */
export function beltTable(view: RunView): TemplateResult {
  const { curve } = view.dictionary;
  return html`<table>
    <caption>
      Measured at step ${count(curve?.step)} on ${count(view.scalar("probe_n"))} of ${count(view.dictionary.fill)} keys.
    </caption>
    <thead>
      <tr>
        <th scope="col">Mean age, steps</th>
        <th scope="col">Consistency</th>
        <th scope="col">Raw cosine</th>
        <th scope="col">Keys sampled</th>
      </tr>
    </thead>
    <tbody>
      ${Array.from(
        { length: curve?.age.length ?? 0 },
        (_, bin) => html`<tr>
          <td>${count(curve!.age[bin])}</td>
          <td>${fixed(curve!.consistency[bin])}</td>
          <td>${fixed(curve!.drift[bin])}</td>
          <td>${count(curve!.count[bin])}</td>
        </tr>`,
      )}
    </tbody>
  </table>`;
}
