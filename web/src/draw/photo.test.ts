import { describe, expect, it } from "vitest";
import { veilOf } from "./photo.js";
import { hexRgb, mixRgb } from "./tokens.js";

describe("an ID photo", () => {
  it("pales as its row falls out of tune, on a fixed scale", () => {
    expect(veilOf(1)).toBe(0);
    for (let value = 0; value < 1; value += 0.1) expect(veilOf(value)).toBeGreaterThan(veilOf(value + 0.1));
    expect(veilOf(-0.6)).toBe(veilOf(0));
    expect(veilOf(0)).toBeLessThan(1);
  });

  it("is neither vivid nor gone where nothing was measured", () => {
    expect(veilOf(null)).toBeGreaterThan(0);
    expect(veilOf(null)).toBeLessThan(veilOf(0));
  });
});

describe("colour tokens", () => {
  it("are read as bytes", () => {
    expect(hexRgb("#1f66b5")).toEqual([31, 102, 181]);
    expect(hexRgb("#fff")).toEqual([255, 255, 255]);
    expect(hexRgb("rgb(1 2 3)")).toBeNull();
  });

  it("mix straight", () => {
    expect(mixRgb([0, 0, 0], [100, 200, 50], 0.5)).toEqual([50, 100, 25]);
  });
});
