import { describe, expect, it } from "vitest";
import { rawCosineOf, WHY_NOT_RAW } from "./raw-cosine.js";

describe("the raw cosine behind the meter", () => {
  it("comes with what it is corrected by, how many keys, and the step it was taken at", () => {
    const scalars = { consistency: 0.91, drift_cosine: 0.927, other_cosine: 0.18, probe_n: 384, probe_step: 288 };
    expect(rawCosineOf(scalars)).toEqual({ same: 0.927, other: 0.18, sampled: 384, step: 288 });
  });

  it("stands also where the meter says collapsed", () => {
    const scalars = { consistency: null, drift_cosine: 1, other_cosine: 1, probe_n: 384, probe_step: 288 };
    expect(rawCosineOf(scalars)).toMatchObject({ same: 1, other: 1 });
  });

  it("is nothing before the first probe", () => {
    expect(rawCosineOf({ drift_cosine: null, other_cosine: null, probe_n: null, probe_step: null })).toBeNull();
    expect(rawCosineOf(undefined)).toBeNull();
  });

  it("has its reason: what collapse does to it, and the trial", () => {
    for (const part of ["one point", "every raw cosine 1", "m = 0.5", "0.79", "0.16"])
      expect(WHY_NOT_RAW).toContain(part);
  });
});
