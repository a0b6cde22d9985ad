import { describe, expect, it } from "vitest";
import { History } from "../model/history.js";
import { bodyOf, pairOf } from "./pairs.js";
import { difference, measured, tableRows, together } from "./series.js";

const at = (...pairs: [number, number][]) => pairs.map(([step, value]) => ({ step, value }));

describe("what two runs are compared by", () => {
  it("takes a probe once, at the step at which it was made", () => {
    const history = new History();
    history.add(10, { consistency: null, probe_step: null });
    history.add(12, { consistency: 0.9, probe_step: 11 });
    history.add(15, { consistency: 0.9, probe_step: 11 });
    history.add(20, { consistency: 0.7, probe_step: 19 });
    expect(measured(history, "consistency", "probe_step")).toEqual(at([11, 0.9], [19, 0.7]));
  });

  it("subtracts what is shown, not what was rounded away", () => {
    expect(difference(0.7551, 0.3249)).toBeCloseTo(0.44, 9);
    expect(difference(0.3249, 0.7551)).toBeCloseTo(-0.44, 9);
  });

  it("compares at like steps, not one run's end with the other's beginning", () => {
    const pair = together(at([10, 1], [200, 0.5], [390, 0.4]), at([10, 0.9], [205, 0.8]));
    expect(pair).toEqual([at([200, 0.5])[0], at([205, 0.8])[0]]);
    expect(together([], at([1, 1]))).toBeNull();
  });

  it("pairs each row with the nearest of the other run, and ends with the newest", () => {
    const rows = tableRows(at([10, 1], [20, 0.5], [30, 0.4]), at([11, 0.9], [21, 0.8], [33, 0.7]), 2);
    expect(rows.map(([a, b]) => `${a.step} ${b.step}`)).toEqual(["10 11", "30 33"]);
    expect(tableRows([], at([1, 1]), 5)).toEqual([]);
    expect(tableRows(at([1, 1]), [], 5)).toEqual([]);
  });
});

describe("a pair", () => {
  const lesson = { config: { images: "sushi", seed: 7, batch_size: 64 } } as never;

  it("differs in one thing, and shares seed, images and batches", () => {
    const pair = pairOf("momentum", 8192);
    const [a, b] = pair.sides.map((side) => bodyOf(pair, side, lesson));
    const other = Object.keys(a!).filter((key) => a![key] !== b![key]);
    expect(other).toEqual(["momentum", "name"]);
    expect(a).toMatchObject({ images: "sushi", seed: 7, batch_size: 64, steps: 400 });
  });

  it("gives the queue as many places as the bank has rows", () => {
    const { sides } = pairOf("dictionary", 8192);
    expect(sides[1].values.queue_length).toBe(8192);
    expect(sides.map(({ values }) => values.method)).toEqual(["memory_bank", "moco"]);
  });
});
