import { describe, expect, it } from "vitest";
import { NEVER } from "../model/dictionary.js";
import {
  cellSide,
  cornerOf,
  layoutWall,
  levelOf,
  placeAt,
  stateOf,
  type WallColours,
  type WallLayout,
  WallPixels,
  type WallRows,
  walk,
} from "./wall.js";

const colours: WallColours = {
  ground: 1,
  ramp: Uint32Array.from({ length: 256 }, (_, level) => 1000 + level),
  fresh: 2,
  hollow: 3,
  unmeasured: 4,
};
const rows: WallRows = {
  step: 50,
  written: [50, 45, 30, NEVER],
  order: null,
  levels: Uint8Array.from({ length: 21 }, (_, age) => 255 - 10 * age),
  freshAge: 0,
};

describe("layout", () => {
  it("fits every count from a hundred to 65,536 into the room given", () => {
    for (const count of [1, 100, 1797, 8192, 50_000, 65_536]) {
      for (const [width, height] of [
        [860, 360],
        [350, 420],
        [1720, 720],
      ] as const) {
        const layout = layoutWall(count, width, height);
        expect(layout.columns * layout.rows).toBeGreaterThanOrEqual(count);
        expect(layout.width).toBeLessThanOrEqual(width);
        expect(layout.height).toBeLessThanOrEqual(height);
      }
    }
  });

  it("finds the place it put a cell at, in both directions", () => {
    for (const downColumns of [false, true]) {
      const layout = layoutWall(100, 200, 90, downColumns);
      for (let place = 0; place < 100; place++) {
        const { x, y } = cornerOf(layout, place);
        expect(placeAt(layout, x + layout.pitch / 2, y + layout.pitch / 2)).toBe(place);
      }
      expect(placeAt(layout, -1, 0)).toBeNull();
      expect(placeAt(layout, layout.width, 0)).toBeNull();
    }
  });

  it("walks by arrow and stays inside", () => {
    const layout = layoutWall(100, 200, 90);
    expect(walk(layout, 0, 1, 0)).toBe(1);
    expect(walk(layout, 0, 0, 1)).toBe(layout.columns);
    expect(walk(layout, 0, -1, 0)).toBe(0);
    expect(walk(layoutWall(100, 200, 90, true), 0, 0, 1)).toBe(1);
  });
});

describe("cells", () => {
  it("say never visited, just written or measured", () => {
    expect([0, 1, 2, 3].map((row) => stateOf(rows, row))).toEqual(["fresh", "measured", "measured", "never"]);
    expect(stateOf({ ...rows, levels: null }, 1)).toBe("unmeasured");
  });

  it("take the level of their own age", () => {
    expect(levelOf(rows, 1)).toBe(205);
    expect(levelOf(rows, 2)).toBe(55);
    expect(levelOf(rows, 3)).toBeNull();
  });

  it("shrink as they fall out of tune, never to nothing", () => {
    for (let pitch = 1; pitch < 40; pitch++) {
      expect(cellSide(pitch, 255)).toBeGreaterThanOrEqual(cellSide(pitch, 100));
      expect(cellSide(pitch, 100)).toBeGreaterThanOrEqual(cellSide(pitch, 10));
      expect(cellSide(pitch, 0)).toBeGreaterThanOrEqual(1);
    }
    expect(cellSide(9, 255)).toBeGreaterThan(cellSide(9, 100));
    expect(cellSide(9, 100)).toBeGreaterThan(cellSide(9, 10));
  });

  it("are painted in their colour; a never visited one is hollow", () => {
    const layout = { count: 4, pitch: 6, columns: 4, rows: 1, width: 24, height: 6, downColumns: false };
    const { pixels } = whole(layout, rows);
    const middle = (place: number): number | undefined => pixels[2 * 24 + place * 6 + 2];
    expect([0, 1, 2, 3].map(middle)).toEqual([2, 1204, 1052, 1]);
    expect(pixels[18]).toBe(3);
  });

  it("follow the order they are given", () => {
    const layout = { count: 4, pitch: 2, columns: 4, rows: 1, width: 8, height: 2, downColumns: false };
    const { pixels } = whole(layout, { ...rows, order: [3, 2, 1, 0] });
    expect([0, 2, 4, 6].map((x) => pixels[x])).toEqual([3, 1052, 1204, 2]);
  });
});

function whole(layout: WallLayout, what: WallRows): WallPixels {
  const wall = new WallPixels(new Uint32Array(layout.width * layout.height), layout, colours);
  wall.take(what);
  return wall;
}

/** A bank of `count` rows that is visited in a scattered order, `batch` rows a step, after `step` steps. */
function visited(count: number, batch: number, step: number): WallRows {
  const written = new Uint32Array(count).fill(NEVER);
  const pass = count / batch;
  for (let at = Math.max(0, step - pass + 1); at <= step; at++) {
    for (let row = 0; row < batch; row++) written[(((at % pass) * batch + row) * 4_093) % count] = at;
  }
  const levels = Uint8Array.from({ length: pass + 1 }, (_, age) => 255 - Math.floor((200 * age) / pass));
  return { step, written, order: null, levels, freshAge: 0 };
}

describe("a wall kept from tick to tick", () => {
  it("looks as one painted anew, whatever came between", () => {
    for (const width of [120, 700]) {
      const layout = layoutWall(512, width, width / 2);
      const kept = whole(layout, { ...visited(512, 16, 3), levels: null });
      for (const step of [5, 6, 30, 33, 34, 90]) {
        kept.take(visited(512, 16, step));
        expect(kept.pixels).toEqual(whole(layout, visited(512, 16, step)).pixels);
      }
      // Another run: fewer rows have been visited.
      kept.take(visited(512, 16, 2));
      expect(kept.pixels).toEqual(whole(layout, visited(512, 16, 2)).pixels);
    }
  });

  it("paints at a tick what a step writes, times the colours it passes through: not all rows", () => {
    const [count, batch] = [65_536, 64];
    const wall = whole(layoutWall(count, 1_200, 480), visited(count, batch, 2_000));
    expect(wall.painted).toBe(count);
    expect(wall.take(visited(count, batch, 2_000))).toBe(false);
    expect(wall.painted).toBe(0);
    for (const step of [2_001, 2_002, 2_003]) {
      wall.take(visited(count, batch, step));
      expect(wall.painted).toBeGreaterThanOrEqual(batch);
      expect(wall.painted).toBeLessThan(batch * 64);
    }
  });
});
