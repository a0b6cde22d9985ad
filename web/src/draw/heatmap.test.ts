import { describe, expect, it } from "vitest";
import {
  cellAt,
  cellCorner,
  edgePicture,
  edgeRowAt,
  FADED,
  layoutMatrix,
  paintMatrix,
  standsOut,
  toRgba,
} from "./heatmap.js";

const colours = {
  negative: Uint32Array.from({ length: 256 }, (_, byte) => byte),
  positive: Uint32Array.from({ length: 256 }, (_, byte) => 1000 + byte),
  self: 5000,
};

describe("layout", () => {
  it("fits batches from 4 to 512 views", () => {
    for (const cells of [4, 16, 64, 128, 512]) {
      for (const width of [320, 520, 1040]) {
        const layout = layoutMatrix(width, cells, 18);
        expect(layout.side).toBeLessThanOrEqual(width + 1);
        expect(layout.cell).toBeGreaterThan(0);
      }
    }
  });

  it("finds the cell it put at a place, and none on the edges", () => {
    const layout = layoutMatrix(520, 16, 18);
    const { x, y } = cellCorner(layout, 3, 7);
    expect(cellAt(layout, x + 1, y + 1)).toEqual({ row: 3, column: 7 });
    expect(cellAt(layout, 2, y)).toBeNull();
    expect(cellAt(layout, layout.side + 1, y)).toBeNull();
  });

  it("finds the row of a picture on the left edge, and none beside it", () => {
    const layout = layoutMatrix(520, 16, 18);
    const { x, y } = cellCorner(layout, 3, 0);
    expect(edgeRowAt(layout, x - 2, y + 1)).toBe(3);
    expect(edgeRowAt(layout, x + 1, y + 1)).toBeNull();
    expect(edgeRowAt(layout, 2, layout.edge - 1)).toBeNull();
  });

  it("keeps every edge picture inside; small cells get two ranks of larger pictures", () => {
    const close = layoutMatrix(520, 16, 18);
    const whole = layoutMatrix(520, 64, 18);
    expect(close.staggered).toBe(false);
    expect(whole.staggered).toBe(true);
    expect(whole.picture).toBe(2 * whole.cell);
    for (let place = 0; place < 64; place++) {
      const { x, y } = edgePicture(whole, place);
      expect(x + whole.picture).toBeLessThanOrEqual(whole.side);
      expect(y + whole.picture).toBeLessThanOrEqual(whole.edge);
    }
  });
});

describe("pixels", () => {
  it("colour self, positives and negatives from their own tables", () => {
    const matrix = Uint8Array.from({ length: 16 }, (_, index) => index);
    const pixels = new Uint32Array(16);
    paintMatrix(pixels, matrix, 2, [0, 1, 2, 3], colours);
    expect([...pixels]).toEqual([5000, 1, 1002, 3, 4, 5000, 6, 1007, 1008, 9, 5000, 11, 12, 1013, 14, 5000]);
  });

  it("fade but where lit: a kind of cell, or a row without itself", () => {
    const all = [0, 1, 2, 3];
    const lit = (what: Parameters<typeof standsOut>[0]) =>
      all.map((row) => all.map((column) => (standsOut(what, row, column, 2) ? "x" : ".")).join("")).join(" ");
    expect(lit(null)).toBe("xxxx xxxx xxxx xxxx");
    expect(lit("positive")).toBe("..x. ...x x... .x..");
    expect(lit("negative")).toBe(".x.x x.x. .x.x x.x.");
    expect(lit("self")).toBe("x... .x.. ..x. ...x");
    expect(lit({ row: 1 })).toBe(".... x.xx .... ....");
    const pixels = new Uint32Array(4);
    paintMatrix(
      pixels,
      Uint8Array.from({ length: 16 }, (_, index) => index),
      2,
      [0, 2],
      colours,
      "positive",
    );
    expect([...pixels]).toEqual([FADED * 2 ** 24 + 5000, 1002, 1008, FADED * 2 ** 24 + 5000]);
  });

  it("show only the rows asked for", () => {
    const matrix = Uint8Array.from({ length: 16 }, (_, index) => index);
    const pixels = new Uint32Array(4);
    paintMatrix(pixels, matrix, 2, [0, 2], colours);
    expect([...pixels]).toEqual([5000, 1002, 1008, 5000]);
  });

  it("turn RGB into RGBA from any start", () => {
    expect([...toRgba([9, 9, 9, 1, 2, 3], 3, 1)]).toEqual([1, 2, 3, 255]);
  });
});
