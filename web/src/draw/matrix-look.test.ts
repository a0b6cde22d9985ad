import { describe, expect, it } from "vitest";
import { type MatrixInks, matrixTables, negativeRgb, positiveRgb } from "./matrix-look.js";

const inks: MatrixInks = {
  paper: [255, 255, 255],
  cold: [60, 80, 70],
  hot: [217, 88, 63],
  blue: [31, 95, 191],
  self: [240, 240, 230],
};

describe("colour of a cell", () => {
  it("of a negative is paper at 0, salmon at 1, green-grey below 0", () => {
    expect(negativeRgb(0, inks)).toEqual(inks.paper);
    expect(negativeRgb(1, inks)).toEqual(inks.hot);
    const [red, green] = negativeRgb(-0.8, inks);
    expect(green).toBeGreaterThan(red);
  });

  it("of a positive grows bluer with the cosine and is blue even at -1", () => {
    const blueness = (cosine: number) => {
      const [red, , blue] = positiveRgb(cosine, inks);
      return blue - red;
    };
    expect(blueness(-1)).toBeGreaterThan(15);
    for (let cosine = 0; cosine < 0.85; cosine += 0.1) {
      expect(blueness(cosine + 0.1)).toBeGreaterThan(blueness(cosine));
    }
    expect(positiveRgb(1, inks)).toEqual(inks.blue);
  });

  it("has one entry a byte", () => {
    const tables = matrixTables(inks);
    expect(tables.negative).toHaveLength(256);
    expect(tables.positive[255]).toBe(((255 << 24) | (191 << 16) | (95 << 8) | 31) >>> 0);
  });
});
