/** One experiment on one run: what was measured before the change, under it, and after going back. Nothing else is said. */

import type { Knobs } from "../api.js";
import type { Experiment, Outcome } from "./experiments.js";
import { momentumText, steps } from "./format.js";
import type { RunView } from "./run-view.js";
import { count, fixed } from "./say.js";
import { VIEW_SWITCHES } from "./view-switches.js";

export interface Reading {
  value: number;
  /** Step at which it was measured. */
  step: number;
  /** What it was measured on. */
  n: string;
}

/** The knob that says how many steps are made a second. */
const PACE = "steps_per_second";

/** Words for knobs by the names of their switches. */
const SWITCHED = new Map<string, string>(VIEW_SWITCHES.map(([knob, label]) => [knob, label.toLowerCase()]));

/** Ticks that a figure of single batches is averaged over. */
const TICKS = 8;

export type TrialRun = Pick<RunView, "scalar" | "history" | "dictionary" | "knob" | "tick">;

/** The deciding figure as measured after step `since`; null where nothing has been since. */
export function measure(experiment: Experiment, run: TrialRun, since = -1): Reading | null {
  if (experiment.from === "batch") return overBatches(experiment.figure, run, since);
  const step = run.scalar("probe_step");
  const value = run.scalar(experiment.figure);
  if (step === null || value === null || step <= since) return null;
  if (experiment.figure === "false_negatives_image") {
    // A share of all pairs reads as nothing: say how many of a query's negatives it is.
    const size = run.dictionary.size;
    return size ? { value: value * size, step, n: `exact, of ${count(size)}` } : null;
  }
  return { value, step, n: `n = ${count(run.scalar("probe_n"))}` };
}

function overBatches(figure: string, run: TrialRun, since: number): Reading | null {
  const { step, value } = run.history.series(figure);
  const used: number[] = [];
  for (let at = value.length - 1; at >= 0 && used.length < TICKS && step[at]! > since + 2; at -= 1) {
    if (!Number.isNaN(value[at]!)) used.push(value[at]!);
  }
  if (used.length === 0) return null;
  const mean = used.reduce((sum, one) => sum + one, 0) / used.length;
  return {
    value: mean,
    step: step[step.length - 1]!,
    n: `n = ${used.length} ${used.length === 1 ? "batch" : "batches"}`,
  };
}

export class Trial {
  before: Reading | null = null;
  under: Reading | null = null;
  /** After going back. */
  back: Reading | null = null;
  /** The knobs as they were; null while nothing was changed here. */
  values: Knobs | null = null;
  /** Step of the change, and of going back. */
  changedAt = 0;
  backAt: number | null = null;
  /** What else was changed while it was under way, in words: it says nothing of what came after. */
  meanwhile: string | null = null;
  /** The run has begun anew since. */
  earlier = false;

  /** All that was set together with the change. */
  private made: Knobs = {};

  constructor(readonly experiment: Experiment) {}

  /** The change has been made; `set`: all knobs that were set with it, where there were more. */
  begin(before: Reading | null, values: Knobs, step: number, set: Knobs = this.experiment.change): void {
    this.clear();
    this.before = before;
    this.values = values;
    this.changedAt = step;
    this.made = set;
  }

  /** As if it had never been made. */
  clear(): void {
    this.before = this.under = this.back = this.values = this.backAt = this.meanwhile = null;
    this.changedAt = 0;
    this.earlier = false;
  }

  /** The values of before have been set again. */
  end(step: number): void {
    if (this.values && this.backAt === null) this.backAt = step;
  }

  /** Both runs of a pair are scored: without the change, and with it. */
  compared(before: Reading, under: Reading): void {
    this.before = before;
    this.under = under;
  }

  /**
   * Somebody has set knobs from a step on. The values of before are a way back; what this trial set itself is no news,
   * nor how fast the run goes; anything else would be measured too, so it ends here.
   */
  heard(knobs: Knobs, step: number): void {
    const { values, experiment } = this;
    if (!this.active || !values || experiment.from === "pair" || step < this.changedAt) return;
    const others = Object.entries(knobs).filter(([name, value]) => name !== PACE && value !== this.made[name]);
    if (others.length === 0) return;
    if (Object.entries(values).every(([name, value]) => knobs[name] === value)) this.end(step);
    else this.meanwhile = `${knobWords(Object.fromEntries(others))}, from step ${count(step)}`;
  }

  /** The run began anew. What was found out stays, as of the run before; what was not can no longer be. A pair is apart. */
  forget(): void {
    if (this.experiment.from === "pair") return;
    this.back = null;
    if (this.experiment.from === "ages" || !this.settled) this.before = this.under = null;
    this.earlier = this.values !== null;
  }

  get active(): boolean {
    return this.values !== null && this.backAt === null && this.meanwhile === null && !this.earlier;
  }

  /** Enough steps have gone by under the change. */
  get settled(): boolean {
    return this.under !== null && this.under.step - this.changedAt >= this.experiment.steps;
  }

  /** Take in the newest measurement. Once settled, what was measured under the change stays. */
  observe(run: TrialRun): void {
    const { experiment } = this;
    if (experiment.from === "ages") {
      this.overAges(run);
      return;
    }
    if (!this.values || this.earlier || experiment.from === "pair") return;
    if (this.backAt !== null) this.back = measure(experiment, run, this.backAt) ?? this.back;
    else if (!this.settled && !this.meanwhile) this.under = measure(experiment, run, this.changedAt) ?? this.under;
  }

  private overAges({ dictionary: { curve } }: TrialRun): void {
    const last = (curve?.consistency.length ?? 0) - 1;
    if (!curve || last < 1) return;
    const bin = (at: number): Reading => ({
      value: curve.consistency[at]!,
      step: curve.step,
      n: `n = ${count(curve.count[at])}, ${steps(curve.age[at]!)} old`,
    });
    this.before = bin(0);
    this.under = bin(last);
  }

  /** What the measurement says so far. */
  get outcome(): Outcome | null {
    const { before, under, experiment } = this;
    if (!before || !under) return null;
    const change = under.value - before.value;
    if (Math.abs(change) < experiment.clear) return "steady";
    return change < 0 ? "fell" : "rose";
  }

  /** The measured change in one sentence; empty where nothing was measured. */
  get verdict(): string {
    const { before, under, outcome, experiment } = this;
    if (!before || !under || !outcome) return "";
    const [from, to] = [before, under].map(({ value }) => fixed(value, experiment.digits));
    if (experiment.from === "ages") {
      const than = { fell: "less than", rose: "more than", steady: "about as well as" }[outcome];
      return `The oldest rows agree ${than} the newest: ${to} against ${from}, at step ${count(under.step)}.`;
    }
    if (experiment.from === "pair") {
      const than = { fell: "Worse", rose: "Better", steady: "Much the same" }[outcome];
      return `${than} without: ${to} against ${from}, after ${steps(under.step)} each.`;
    }
    const during = `${steps(under.step - this.changedAt)} after the change`;
    if (outcome === "steady") return `${experiment.name} hardly moved: ${from} before, ${to} after, ${during}.`;
    return `${experiment.name} ${outcome} from ${from} to ${to}, ${during}.`;
  }
}

/** Knobs to set for going back: as they were before, else as the method has them by default. */
export function wayBack(trial: Trial, defaults: Readonly<Record<string, unknown>>): Knobs {
  const back: Record<string, Knobs[string]> = {};
  for (const name of Object.keys(trial.experiment.change)) {
    const value = trial.values?.[name] ?? defaults[name];
    if (value !== undefined && value !== null) back[name] = value as Knobs[string];
  }
  return back;
}

/** Whether the run has the values that the experiment sets. */
export function isSet(experiment: Experiment, run: TrialRun): boolean {
  const wanted = Object.entries(experiment.change);
  return wanted.length > 0 && wanted.every(([name, value]) => run.knob(name) === value);
}

/** "momentum 0.99", "crop on". What has a switch in the figure is called as that. */
export function knobWords(knobs: Knobs): string {
  return Object.entries(knobs)
    .map(([name, value]) => {
      const word = SWITCHED.get(name) ?? name.replaceAll("_", " ");
      if (typeof value === "boolean") return `${word} ${value ? "on" : "off"}`;
      if (typeof value !== "number") return `${word} ${value}`;
      return `${word} ${value >= 1000 ? count(value) : momentumText(value)}`;
    })
    .join(", ");
}
