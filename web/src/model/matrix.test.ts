import { describe, expect, it } from "vitest";
import { byteOf, cosineOf, kindOf, positiveOf, rankOf, shares, shownRows, summarise } from "./matrix.js";

/** Two images, four views: rows are view 1 of a, view 1 of b, view 2 of a, view 2 of b. */
const cosines = [
  [1, 0.2, 0.8, -0.4],
  [0.2, 1, 0.6, 0.4],
  [0.8, 0.6, 1, 0],
  [-0.4, 0.4, 0, 1],
];
const matrix = Uint8Array.from(cosines.flat().map(byteOf));

describe("bytes", () => {
  it("are cosines on the fixed scale -1..1", () => {
    expect(cosineOf(0)).toBe(-1);
    expect(cosineOf(255)).toBe(1);
    expect(byteOf(0)).toBe(128);
    for (const value of [-1, -0.3, 0, 0.77, 1]) expect(cosineOf(byteOf(value))).toBeCloseTo(value, 2);
    expect(byteOf(1.01)).toBe(255);
  });
});

describe("cells", () => {
  it("pair view 1 with view 2 of the same image, both ways", () => {
    expect(positiveOf(0, 2)).toBe(2);
    expect(positiveOf(3, 2)).toBe(1);
    for (let row = 0; row < 64; row++) expect(positiveOf(positiveOf(row, 32), 32)).toBe(row);
  });

  it("are self, positive or negative", () => {
    expect(kindOf(1, 1, 2)).toBe("self");
    expect(kindOf(1, 3, 2)).toBe("positive");
    expect(kindOf(1, 2, 2)).toBe("negative");
  });
});

describe("ranks", () => {
  it("count the negatives above the positive", () => {
    expect(rankOf(matrix, 0, 2)).toBe(1);
    expect(rankOf(matrix, 1, 2)).toBe(2);
    expect(rankOf(matrix, 3, 2)).toBe(1);
  });

  it("do not count ties against the positive", () => {
    expect(rankOf(new Uint8Array(16).fill(200), 0, 2)).toBe(1);
  });
});

describe("summary", () => {
  it("counts each pair once and keeps the diagonal out", () => {
    const summary = summarise(matrix, 2);
    expect(summary.positiveCount).toBe(2);
    expect(summary.negativeCount).toBe(4);
    expect(summary.positiveMean).toBeCloseTo(0.6, 2);
    expect(summary.negativeMean).toBeCloseTo((0.2 - 0.4 + 0.6 + 0) / 4, 2);
    expect([...summary.ranks]).toEqual([1, 2, 1, 1]);
    expect(summary.firsts).toBe(0.75);
  });

  it("has B positives and 2B(B-1) negatives for any batch", () => {
    const images = 32;
    const summary = summarise(new Uint8Array((2 * images) ** 2), images);
    expect(summary.positiveCount).toBe(images);
    expect(summary.negativeCount).toBe(2 * images * (images - 1));
  });

  it("makes shares that sum to one on the fixed scale", () => {
    const counts = new Uint32Array(256);
    counts[0] = 1;
    counts[255] = 3;
    const bins = shares(counts, 40);
    expect(bins[0]).toBe(0.25);
    expect(bins[39]).toBe(0.75);
    expect(bins.reduce((sum, share) => sum + share)).toBe(1);
    expect([...shares(new Uint32Array(256), 4)]).toEqual([0, 0, 0, 0]);
  });
});

describe("close-up", () => {
  it("keeps both views of the shown images", () => {
    expect([...shownRows(32, 2)]).toEqual([0, 1, 32, 33]);
    expect(shownRows(2, 8)).toHaveLength(4);
  });
});
