import { beforeEach, describe, expect, it, vi } from "vitest";
import type { PlateLook } from "./plate.js";
import { PlateRack } from "./plate-rack.js";

const look = { theme: "light" } as PlateLook;
const plates = (from: number, count: number) =>
  Array.from({ length: count }, (_, place) => ({ serial: from + place, image: 0, consistency: 0.5 }));

describe("a rack of plates", () => {
  let painted = 0;
  const copied: number[][] = [];
  const onto = new Proxy(
    {},
    {
      get:
        (_, name) =>
        (...given: number[]) =>
          name === "drawImage" && copied.push(given),
    },
  );
  const pen = new Proxy({}, { get: (_, name) => () => void (name === "clip" && painted++) });
  const frame = (rack: PlateRack, shown: ReturnType<typeof plates>) => {
    painted = 0;
    copied.length = 0;
    rack.begin(20, 1, look, shown);
    for (const plate of shown) rack.take(null, plate, look);
    for (const { serial } of shown) rack.draw(onto as CanvasRenderingContext2D, serial, 0, 0, 1);
    return { painted, copied: copied.length, slots: new Set(copied.map(([, x, y]) => `${x} ${y}`)).size };
  };
  beforeEach(() => {
    vi.stubGlobal("document", { createElement: () => ({ width: 0, height: 0, getContext: () => pen }) });
  });

  it("has a slot of its own for each, also when all are others than in the frame before", () => {
    const rack = new PlateRack();
    for (const from of [0, 23, 46, 1_000]) {
      expect(frame(rack, plates(from, 23))).toMatchObject({ copied: 23, slots: 23 });
    }
    // And when there are more of them at once, or fewer.
    expect(frame(rack, plates(2_000, 41))).toMatchObject({ copied: 41, slots: 41 });
    expect(frame(rack, plates(2_040, 3))).toMatchObject({ copied: 3, slots: 3 });
  });

  it("paints only what came or looks different", () => {
    const rack = new PlateRack();
    expect(frame(rack, plates(0, 10)).painted).toBe(10);
    expect(frame(rack, plates(0, 10)).painted).toBe(0);
    expect(frame(rack, plates(2, 10)).painted).toBe(2);
    const paler = plates(2, 10).map((plate, place) => (place === 4 ? { ...plate, consistency: 0.1 } : plate));
    expect(frame(rack, paler).painted).toBe(1);
  });
});
