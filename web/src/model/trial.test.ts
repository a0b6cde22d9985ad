import { describe, expect, it } from "vitest";
import type { KnobValue } from "../api.js";
import { DictionaryModel } from "./dictionary.js";
import { EXPERIMENTS, type Experiment } from "./experiments.js";
import { History } from "./history.js";
import { isSet, knobWords, measure, Trial, type TrialRun, wayBack } from "./trial.js";

const find = (id: string): Experiment => EXPERIMENTS.find((one) => one.id === id)!;

function at(scalars: Record<string, number>, knobs: Record<string, KnobValue> = {}): TrialRun {
  return {
    scalar: (name) => scalars[name] ?? null,
    history: new History(),
    dictionary: new DictionaryModel("queue"),
    knob: (name) => knobs[name],
    tick: null,
  };
}
const probe = (step: number, consistency: number) => at({ probe_step: step, probe_n: 384, consistency });

function dropped(before: number, under: number, step = 400): Trial {
  const trial = new Trial(find("momentum-half"));
  trial.begin(measure(trial.experiment, probe(290, before)), { momentum: 0.99 }, 300);
  trial.observe(probe(step, under));
  return trial;
}

describe("the verdict is computed from what was measured", () => {
  it("fell, rose, hardly moved", () => {
    expect(dropped(0.94, 0.31).verdict).toBe(
      "Consistency of the belt fell from 0.94 to 0.31, 100 steps after the change.",
    );
    expect(dropped(0.31, 0.94).verdict).toBe(
      "Consistency of the belt rose from 0.31 to 0.94, 100 steps after the change.",
    );
    const still = dropped(0.94, 0.9);
    expect(still.outcome).toBe("steady");
    expect(still.verdict).toBe(
      "Consistency of the belt hardly moved: 0.94 before, 0.90 after, 100 steps after the change.",
    );
  });

  it("says nothing of the change from what was measured before it", () => {
    const trial = dropped(0.94, 0.31, 300);
    expect([trial.under, trial.outcome, trial.verdict]).toEqual([null, null, ""]);
  });

  it("counts only after enough steps, and then stays", () => {
    const trial = dropped(0.94, 0.6, 340);
    expect(trial.settled).toBe(false);
    trial.observe(probe(400, 0.4));
    expect(trial.settled).toBe(true);
    trial.observe(probe(500, 0.9));
    expect(trial.under?.value).toBe(0.4);
  });

  it("after going back the newest measurement stands beside it, not in its place", () => {
    const trial = dropped(0.94, 0.31);
    trial.end(410);
    trial.observe(probe(405, 0.5));
    expect(trial.back).toBeNull();
    trial.observe(probe(500, 0.92));
    expect([trial.under?.value, trial.back?.value]).toEqual([0.31, 0.92]);
  });

  it("of batches: the mean of the newest, each said with how many", () => {
    const run = at({});
    for (let step = 1; step <= 40; step++) run.history.add(step, { loss: step > 20 ? 2 : 3 });
    expect(measure(find("no-crop"), run)).toEqual({ value: 2, step: 40, n: "n = 8 batches" });
    expect(measure(find("no-crop"), run, 36)).toEqual({ value: 2, step: 40, n: "n = 2 batches" });
    expect(measure(find("no-crop"), run, 40)).toBeNull();
  });

  it("a share of pairs is said as a number of a query's negatives", () => {
    const run = at({ probe_step: 9, false_negatives_image: 1 / 8192 });
    run.dictionary.size = 16384;
    expect(measure(find("long-queue"), run)).toMatchObject({ value: 2, n: "exact, of 16,384" });
  });

  it("of ages: the oldest against the newest of one measurement", () => {
    const run = at({});
    run.dictionary.curve = {
      step: 50,
      age: Uint32Array.of(0, 120),
      consistency: Float32Array.of(0.75, 0.25),
      drift: Float32Array.of(0.75, 0.25),
      count: Uint32Array.of(64, 64),
    };
    const trial = new Trial(find("watch"));
    trial.observe(run);
    expect(trial.verdict).toBe("The oldest rows agree less than the newest: 0.25 against 0.75, at step 50.");
  });

  it("of a pair: the run with the change against the one without, whatever becomes of the lesson's own run", () => {
    const trial = new Trial(find("no-head"));
    trial.begin(null, {}, 0);
    trial.observe(probe(90, 0.5));
    expect([trial.under, trial.active]).toEqual([null, true]);
    const of = (value: number) => ({ value, step: 400, n: "n = 1,000" });
    trial.compared(of(65), of(59.2));
    trial.forget();
    expect([trial.verdict, trial.settled]).toEqual(["Worse without: 59.2 against 65.0, after 400 steps each.", true]);
    trial.compared(of(65), of(64));
    expect(trial.verdict).toBe("Much the same without: 64.0 against 65.0, after 400 steps each.");
    trial.end(0);
    expect(trial.active).toBe(false);
  });

  it("of a pair: a few points are not called a difference, for they may be chance", () => {
    const trial = new Trial(find("no-head"));
    trial.begin(null, {}, 0);
    const of = (value: number) => ({ value, step: 400, n: "n = 1,024" });
    trial.compared(of(71.4), of(75.1));
    expect([trial.outcome, trial.verdict]).toEqual([
      "steady",
      "Much the same without: 75.1 against 71.4, after 400 steps each.",
    ]);
  });

  it("what was found out stays when the run begins anew, as of the run before; the way back's measurement goes", () => {
    const trial = dropped(0.94, 0.31);
    trial.end(410);
    trial.observe(probe(500, 0.92));
    trial.forget();
    trial.observe(probe(450, 0.5));
    expect([trial.verdict, trial.earlier, trial.back, trial.active]).toEqual([
      "Consistency of the belt fell from 0.94 to 0.31, 100 steps after the change.",
      true,
      null,
      false,
    ]);
  });

  it("what was not yet found out is over when the run begins anew, and there is still a way back", () => {
    const trial = dropped(0.94, 0.6, 340);
    trial.forget();
    trial.observe(probe(400, 0.4));
    expect([trial.verdict, trial.active, trial.earlier]).toEqual(["", false, true]);
    expect(wayBack(trial, {})).toEqual({ momentum: 0.99 });
    trial.begin(measure(trial.experiment, probe(20, 0.9)), { momentum: 0.99 }, 30);
    expect([trial.active, trial.earlier]).toEqual([true, false]);
  });
});

describe("somebody else's change ends an experiment", () => {
  it("says what was changed, and measures no further", () => {
    const trial = dropped(0.94, 0.6, 340);
    trial.heard({ temperature: 0.05 }, 350);
    trial.observe(probe(400, 0.1));
    expect([trial.active, trial.meanwhile, trial.under?.value]).toEqual([
      false,
      "temperature 0.05, from step 350",
      0.6,
    ]);
  });

  it("but not its own change, an earlier one, or the pace", () => {
    const trial = dropped(0.94, 0.6, 340);
    trial.heard({ momentum: 0.5 }, 300);
    trial.heard({ temperature: 0.05 }, 290);
    trial.heard({ steps_per_second: 5 }, 350);
    expect([trial.active, trial.meanwhile]).toEqual([true, null]);
    trial.heard({ momentum: 0.7 }, 360);
    expect(trial.active).toBe(false);
  });

  it("the values of before are a way back, also by the slider or together with the next experiment's change", () => {
    for (const more of [{}, { temperature: 0.01 }] as Record<string, number>[]) {
      const trial = dropped(0.94, 0.31);
      trial.heard({ momentum: 0.99, ...more }, 410);
      trial.observe(probe(500, 0.9));
      expect([trial.meanwhile, trial.backAt, trial.back?.value]).toEqual([null, 410, 0.9]);
    }
  });
});

describe("every experiment has a way back", () => {
  const defaults = {
    momentum: 0.99,
    learning_rate: 0.03,
    queue_length: 4096,
    temperature: 0.1,
    crop: true,
    jitter: true,
    gray: true,
  };

  it.each(EXPERIMENTS.map((one) => [one.id, one] as const))("%s", (_, experiment) => {
    const names = Object.keys(experiment.change);
    const trial = new Trial(experiment);
    expect(Object.keys(wayBack(trial, defaults))).toEqual(names);
    const values = Object.fromEntries(names.map((name) => [name, 0.123]));
    trial.begin(null, values, 5);
    expect(wayBack(trial, defaults)).toEqual(values);
    expect(isSet(experiment, at({}, { ...experiment.change }))).toBe(names.length > 0);
    expect(isSet(experiment, at({}, values))).toBe(false);
  });

  it("which is written out", () => {
    expect(knobWords({ momentum: 0.99 })).toBe("momentum 0.99");
    expect(knobWords({ queue_length: 16384, crop: false })).toBe("queue length 16,384, crop off");
    expect(knobWords({ jitter: false, gray: false })).toBe("colour off, gray off");
  });
});

describe("every experiment asks first", () => {
  it.each(EXPERIMENTS.map((one) => [one.id, one] as const))(
    "%s: one choice for each way it may turn out",
    (_, experiment) => {
      expect(experiment.choices.map(({ outcome }) => outcome).sort()).toEqual(["fell", "rose", "steady"]);
      expect(Object.values(experiment.because).every((why) => why.length > 20)).toBe(true);
      expect(experiment.why).toMatch(/\.$/);
    },
  );
});
