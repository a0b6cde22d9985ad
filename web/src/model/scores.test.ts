import { describe, expect, it } from "vitest";
import { detail, score, standardError } from "./scores.js";

const record = {
  step: 400,
  knn_backbone: 0.9,
  knn_backbone_untrained: 0.5,
  linear_head: 0.99,
  linear_head_untrained: 0.8,
  test: 100,
  held_out: "the set's own test pictures",
};

describe("the scores of an evaluation", () => {
  it("stand beside those of the untrained network", () => {
    expect(score(record, "knn", "backbone")).toEqual({ name: "knn_backbone", trained: 0.9, untrained: 0.5 });
    expect(score(record, "linear", "backbone")).toBeNull();
  });

  it("are as sure as the worst of them", () => {
    expect(standardError(record)).toBeCloseTo(0.05);
    expect(standardError({ step: 1, test: 100 })).toBeNull();
    expect(standardError({ ...record, test: 0 })).toBeNull();
  });

  it("come with numbers and with words", () => {
    expect(detail(record, "test")).toBe(100);
    expect(detail(record, "held_out")).toBeNull();
  });
});
