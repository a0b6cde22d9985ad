/** Makes the changes of a lesson's experiments on the live run, and takes them back: one at a time. */

import { ApiError, type Knobs } from "../api.js";
import type { RunView } from "./run-view.js";
import { measure, type Reading, type Trial, wayBack } from "./trial.js";
import { until } from "./until.js";

/** Milliseconds that a run which has only just been asked for has, to show itself and to measure once. */
const PATIENCE = 20_000;

export class Experimenter {
  /**
   * @param view the run on screen, null while there is none
   * @param defaults knobs as its method has them by default
   */
  constructor(
    private readonly view: () => RunView | null,
    private readonly defaults: () => Readonly<Record<string, unknown>>,
  ) {}

  /** The live run. Rejects with an ApiError where it does not come. */
  async here(): Promise<RunView> {
    const view = this.view();
    if (!view) throw new ApiError("The service does not answer.", 0, "offline");
    return view.live(PATIENCE);
  }

  /** There is nothing yet that a change could be compared with. */
  unmeasured({ experiment }: Trial): boolean {
    const view = this.view();
    return experiment.from !== "pair" && (!view || view.opening || measure(experiment, view) === null);
  }

  /** Make the change of one of the trials, in one write with the way back of the one that is under way. */
  async change(trial: Trial, trials: readonly Trial[]): Promise<RunView> {
    const { change } = trial.experiment;
    const view = await this.here();
    const before = await this.first(trial, view);
    const other = trials.find((one) => one.active && one !== trial && one.experiment.from !== "pair");
    const restored = other ? this.wayBack(other) : {};
    const values = Object.fromEntries(Object.keys(change).map((name) => [name, restored[name] ?? view.knob(name)!]));
    const set = { ...restored, ...change };
    const step = await view.setKnobs(set);
    other?.end(step);
    trial.begin(before, values, step, set);
    return view;
  }

  /** Put back what a trial found. */
  async restore(trial: Trial): Promise<RunView> {
    const view = await this.here();
    trial.end(await view.setKnobs(this.wayBack(trial)));
    return view;
  }

  /** The knobs that `restore` sets. */
  wayBack(trial: Trial): Knobs {
    return wayBack(trial, this.defaults());
  }

  /** What the change will be compared with; a run that has only just come is given time to measure it. */
  private async first({ experiment }: Trial, view: RunView): Promise<Reading> {
    const at = measure(experiment, view);
    if (at) return at;
    await goOn(view);
    // The figure may be out of sight, and a run that nobody sees does not train.
    view.setVisible(true, this);
    await until(view, "tick", () => measure(experiment, view) !== null, PATIENCE);
    view.setVisible(false, this);
    const before = measure(experiment, view);
    if (before) return before;
    throw new ApiError(`${experiment.name} has no value yet. Let the run go for a moment, then try again.`, 0, "early");
  }
}

/** A run that somebody paused has nothing to show. */
export async function goOn(view: RunView): Promise<void> {
  if (view.run?.state === "paused") await view.command("resume");
}
