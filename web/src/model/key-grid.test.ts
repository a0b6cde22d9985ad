import { describe, expect, it } from "vitest";
import { cellOf, layKeys, rankAt } from "./key-grid.js";

describe.each([1, 64, 100, 4_096, 65_536])("%i keys in a strip", (keys) => {
  const grid = layKeys(keys, 880, 52);

  it("all find a cell, and the cell finds them", () => {
    expect(grid.columns * grid.rows).toBeGreaterThanOrEqual(keys);
    for (let rank = 0; rank < keys; rank += Math.ceil(keys / 97)) {
      const { x, y } = cellOf(grid, rank);
      expect(rankAt(grid, keys, x + grid.cellWidth / 2, y + grid.cellHeight / 2)).toBe(rank);
    }
  });

  it("lie newest at the left, oldest at the right", () => {
    expect(cellOf(grid, 0)).toEqual({ x: 0, y: 0 });
    expect(cellOf(grid, keys - 1).x).toBeGreaterThanOrEqual(cellOf(grid, Math.floor(keys / 2)).x);
  });

  it("are nowhere outside", () => {
    expect(rankAt(grid, keys, -1, 10)).toBeNull();
    expect(rankAt(grid, keys, 881, 10)).toBeNull();
    expect(rankAt(grid, keys, 10, 53)).toBeNull();
  });
});

it.each([64, 4_096, 8_192, 65_536])("%i keys leave no cell empty in a strip of any width", (keys) => {
  for (const width of [300, 640, 880, 1_280, 1_800]) {
    const { columns, rows, cellWidth, cellHeight } = layKeys(keys, width, 52);
    expect(columns * rows).toBe(keys);
    expect(Math.max(cellWidth / cellHeight, cellHeight / cellWidth)).toBeLessThan(3);
  }
});
