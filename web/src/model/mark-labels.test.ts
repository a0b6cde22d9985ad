import { describe, expect, it } from "vitest";
import { markLabels } from "./mark-labels.js";

const texts = (...marks: [number, number][]) => markLabels(marks).map(({ text }) => text);

describe("the names of marks on a meter", () => {
  it("stand apart where there is room", () => {
    expect(texts([0.99, 0.9], [0.5, 0.3])).toEqual(["m 0.5", "m 0.99"]);
  });

  it("are one name where they would lie over each other", () => {
    expect(texts([0.5, 0.34], [0, 0.39])).toEqual(["m 0.5, 0"]);
    expect(texts([0.9, 0.8], [0.99, 0.96], [0.999, 0.98], [0, 0.1])).toEqual(["m 0", "m 0.9, 0.99, 0.999"]);
  });
});
