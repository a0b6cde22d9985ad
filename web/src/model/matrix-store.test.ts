import { describe, expect, it } from "vitest";
import type { Section, Tick } from "../wire/frames.js";
import { MatrixStore, pictureStart, readViews } from "./matrix-store.js";

function tick(step: number, parts: { matrix?: Uint8Array; views?: number[] }): Tick {
  const sections = new Map<string, Section>();
  const add = (name: string, dtype: "u8" | "u32", shape: number[], data: Uint8Array | Uint32Array) =>
    sections.set(name, { name, dtype, shape, data });
  if (parts.matrix) {
    const side = Math.sqrt(parts.matrix.length);
    add("matrix", "u8", [side, side], parts.matrix);
    add(
      "matrix.image",
      "u32",
      [side / 2],
      Uint32Array.from({ length: side / 2 }, (_, place) => 100 + place),
    );
  }
  if (parts.views) {
    const count = parts.views.reduce((product, side) => product * side, 1);
    add(
      "views",
      "u8",
      parts.views,
      Uint8Array.from({ length: count }, (_, place) => place % 251),
    );
  }
  const scalars = { matrix_step: parts.matrix ? step : null, views_step: parts.views ? step : null };
  return {
    header: { run: "r", epoch: 1, offset: step, step, time: 0, snapshot: false, scalars, sections: [] },
    scalars,
    sections,
  };
}

describe("MatrixStore", () => {
  it("keeps the matrix through ticks without one", () => {
    const store = new MatrixStore();
    expect(store.take(tick(1, { matrix: new Uint8Array(64).fill(200) }))).toBe(true);
    expect(store.take(tick(2, {}))).toBe(false);
    expect(store.images).toBe(4);
    expect(store.step).toBe(1);
    expect([...store.ids]).toEqual([100, 101, 102, 103]);
    expect(store.summary?.positiveCount).toBe(4);
  });

  it("copies, so that the message may go", () => {
    const bytes = new Uint8Array(16).fill(9);
    const store = new MatrixStore();
    store.take(tick(1, { matrix: bytes }));
    bytes.fill(0);
    expect(store.matrix?.[5]).toBe(9);
  });

  it("puts pictures beside a matrix only if both are of one step", () => {
    const store = new MatrixStore();
    store.take(tick(1, { matrix: new Uint8Array(16), views: [2, 2, 4, 4, 3] }));
    expect(store.matching?.count).toBe(2);
    store.take(tick(2, { matrix: new Uint8Array(16) }));
    expect(store.matching).toBeNull();
    expect(store.pictures?.step).toBe(1);
  });

  it("forgets when the run went back", () => {
    const store = new MatrixStore();
    store.take(tick(40, { matrix: new Uint8Array(16) }));
    store.take(tick(0, {}));
    expect(store.matrix).toBeNull();
    expect(store.step).toBe(-1);
  });

  it("leaves odd matrices alone", () => {
    const store = new MatrixStore();
    expect(store.take(tick(1, { matrix: new Uint8Array(9) }))).toBe(false);
  });
});

describe("views", () => {
  it("lie view by view, image by image", () => {
    const pictures = readViews(tick(3, { views: [2, 3, 4, 4, 3] }));
    expect(pictures).toMatchObject({ step: 3, count: 3, views: 2, size: 4 });
    expect(pictures && pictureStart(pictures, 1, 2)).toBe((3 + 2) * 48);
  });

  it("of another shape are not read", () => {
    expect(readViews(tick(3, { views: [2, 3, 4, 5, 3] }))).toBeNull();
    expect(readViews(tick(3, { views: [2, 48] }))).toBeNull();
    expect(readViews(tick(3, {}))).toBeNull();
  });
});
