/** What came of an experiment, in words and a small table: what was measured, the reader's guess beside it, and why. */

import { html, nothing, type TemplateResult } from "lit";
import type { Experiment } from "../model/experiments.js";
import { count, fixed } from "../model/say.js";
import { knobWords, type Reading, type Trial } from "../model/trial.js";

/** What the two measured values are of, where it is not before the change and under it. */
const ROWS: Partial<Record<Experiment["from"], readonly [string, string]>> = {
  ages: ["newest rows", "oldest rows"],
  pair: ["with a head", "without"],
};
const PAIR_TRAINS =
  "Both train now, below the figure, on the same batches. When both are at their last step they are scored, and the answer comes here.";

/** There is something to say of it. */
export function isTold(trial: Trial): boolean {
  return trial.experiment.from === "ages" ? trial.under !== null : trial.values !== null;
}

/** Its question has been answered by what was measured. */
export function isAnswered({ outcome, experiment, settled }: Trial): boolean {
  return outcome !== null && (settled || experiment.from === "ages");
}

/** The choice that was measured to be right; null while none was. */
export function borne(trial: Trial): number | null {
  if (!isAnswered(trial)) return null;
  return trial.experiment.choices.findIndex(({ outcome }) => outcome === trial.outcome);
}

/** A sentence for the ear: it changes when something has happened, and not with every measurement. */
export function heard(trial: Trial): string {
  if (!isTold(trial)) return "";
  const right = borne(trial);
  if (right !== null && trial.experiment.from === "ages") return `Measured: ${trial.experiment.choices[right]!.text}.`;
  if (right !== null) return trial.verdict;
  return trial.active ? "Under way; the answer comes here." : halt(trial);
}

/** Why nothing more comes of it. */
function halt({ meanwhile, earlier, experiment }: Trial): string {
  if (earlier) return "The run began anew before enough was measured.";
  if (meanwhile) return `Changed meanwhile: ${meanwhile}. What came after says nothing of this experiment.`;
  return experiment.from === "pair" ? "Closed before both were scored." : "Gone back before enough was measured.";
}

/** `guess`: the reader's choice; `reason`: why the run has paused itself. */
export function trialResult(
  trial: Trial,
  guess: number | null,
  reason: string | null,
): TemplateResult | typeof nothing {
  const { experiment, before, under, back, outcome, active } = trial;
  if (!isTold(trial)) return nothing;
  if (!outcome || !before || !under) return html`<p>${active ? waiting(trial) : halt(trial)}</p>`;
  const answered = isAnswered(trial);
  const choice = guess === null ? null : experiment.choices[guess]!;
  return html`<p class="verdict">${trial.verdict}${active && !answered ? " Still under way." : ""}</p>
    ${answered || active ? nothing : html`<p>${halt(trial)}</p>`}
    ${answered && trial.earlier ? html`<p class="soft">This was measured before the run began anew.</p>` : nothing}
    ${choice && answered ? html`<p>You guessed: “${choice.text}”. ${choice.outcome === outcome ? "So it was measured." : "It was measured otherwise."}</p>` : nothing}
    ${answered ? html`<p>${experiment.because[outcome]}</p>` : nothing}
    ${reason && active ? html`<p>The run paused itself: ${reason}.</p>` : nothing}
    <table>
      <caption>${experiment.name}</caption>
      <tbody>
        ${line(experiment, ROWS[experiment.from]?.[0] ?? "before", before)}
        ${line(experiment, ROWS[experiment.from]?.[1] ?? knobWords(experiment.change), under)}
        ${back ? line(experiment, "after going back", back) : nothing}
      </tbody>
    </table>`;
}

function waiting({ experiment, before }: Trial): string {
  if (experiment.from === "pair") return PAIR_TRAINS;
  const was = before ? `Before: ${fixed(before.value, experiment.digits)} (${before.n}). ` : "";
  return `${was}Changed; the next measurement will tell.`;
}

function line(experiment: Experiment, name: string, { value, step, n }: Reading): TemplateResult {
  return html`<tr><th scope="row">${name}</th><td><b>${fixed(value, experiment.digits)}</b></td><td>${n}, step ${count(step)}</td></tr>`;
}
