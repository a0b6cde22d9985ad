import { expect, it } from "vitest";
import { FlowRate } from "./flow-rate.js";

it("says how many steps one picture stands for", () => {
  const rate = new FlowRate();
  expect(rate.words(null)).toBe("");
  expect(rate.words(23.4)).toBe("23 steps a second");
  for (const step of [10, 12, 14, 15, 17, 17, 20]) rate.note(step);
  expect(rate.stepsAPicture).toBe(2);
  expect(rate.words(23.4)).toBe("23 steps a second; one picture is 2 steps");
});

it("a run that goes back counts anew", () => {
  const rate = new FlowRate();
  for (const step of [100, 150, 1]) rate.note(step);
  expect(rate.stepsAPicture).toBeNull();
  rate.note(2);
  expect(rate.words(1)).toBe("1 step a second; one picture is 1 step");
});
