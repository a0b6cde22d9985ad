import { html, type TemplateResult } from "lit";
import type { RowFacts } from "../model/bank.js";
import { percent, steps } from "../model/format.js";
import type { RunView } from "../model/run-view.js";
import { count, fixed, trend } from "../model/say.js";

/** The whole figure in one breath. */
export function bankSentence(view: RunView | null): string {
  const bank = view?.dictionary;
  if (!view || !bank?.ready) return "The memory bank has not arrived yet.";
  const consistency = view.scalar("consistency");
  const measured =
    consistency === null
      ? "Consistency has no value now."
      : `Consistency ${fixed(consistency)}, ${trend(view.history.series("consistency").value)}.`;
  const agreement = view.scalar("gradient_agreement");
  const harmed =
    agreement === null
      ? ""
      : ` Gradient agreement ${fixed(agreement)}, ${trend(view.history.series("gradient_agreement").value)}.`;
  return (
    `Step ${count(bank.step)}. ${count(bank.size)} rows, ${count(bank.fill)} visited, ` +
    `the oldest ${count(view.scalar("oldest_age"))} steps old. ${measured}${harmed}`
  );
}

/** What is known of one row, as a sentence. */
export function rowSentence(facts: RowFacts): string {
  const name = `Row ${count(facts.row)}`;
  if (facts.age === null) return `${name}: never visited. It still holds the random numbers it began with.`;
  const age = facts.age === 0 ? "written just now" : `written ${steps(facts.age)} ago`;
  const agreement =
    facts.consistency === null ? "not measured yet" : `rows of this age measure ${fixed(facts.consistency)}`;
  return `${name}: ${age}, at step ${count(facts.written)}; ${agreement}.`;
}

/** The figure as a table: the measured curve, bin by bin. */
export function bankTable(view: RunView): TemplateResult {
  const { curve } = view.dictionary;
  const never = view.dictionary.size - view.dictionary.fill;
  return html`<table>
    <caption>
      Measured at step ${count(curve?.step)} on ${count(view.scalar("probe_n"))} rows. ${count(never)} of
      ${count(view.dictionary.size)} rows were never visited. ID-photo test ${percent(view.scalar("id_photo"))}, gradient
      agreement ${fixed(view.scalar("gradient_agreement"))}.
    </caption>
    <thead>
      <tr><th scope="col">Mean age, steps</th><th scope="col">Consistency</th><th scope="col">Raw cosine</th><th scope="col">Rows sampled</th></tr>
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
