import { describe, expect, it } from "vitest";
import { axisEnd } from "./memory-bank-chart.js";

describe("age axis", () => {
  it("spans two passes from the start, so that it stands still while the first rows age", () => {
    expect(axisEnd({ width: 1, counts: new Uint32Array(5), never: 3 }, 128)).toBe(256);
  });

  it("grows when rows are older than that", () => {
    expect(axisEnd({ width: 10, counts: new Uint32Array(30), never: 0 }, 128)).toBe(300);
    expect(axisEnd({ width: 1, counts: new Uint32Array(1), never: 0 }, 0)).toBe(1);
  });
});
