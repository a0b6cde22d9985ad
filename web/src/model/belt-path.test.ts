import { describe, expect, it } from "vitest";
import { layBelt, pointAt } from "./belt-path.js";

describe.each([320, 345, 420, 560, 640, 900, 1_300])("the belt at %i pixels", (width) => {
  const layout = layBelt(width);
  const path = Array.from({ length: 2_001 }, (_, i) => pointAt(layout, i / 2_000));

  it("runs in one piece at an even pace", () => {
    const stride = layout.length / 2_000;
    path.slice(1).forEach((point, i) => {
      const gone = Math.hypot(point.x - path[i]!.x, point.y - path[i]!.y);
      expect(gone).toBeGreaterThan(stride * 0.98);
      expect(gone).toBeLessThan(stride * 1.02);
    });
  });

  it("stays inside the figure", () => {
    for (const { x, y } of path) {
      expect(x - layout.half).toBeGreaterThanOrEqual(0);
      expect(x + layout.half).toBeLessThanOrEqual(width);
      expect(y - layout.half).toBeGreaterThanOrEqual(0);
      expect(y + layout.half).toBeLessThanOrEqual(layout.height);
    }
  });

  it("leaves the kitchen and ends at the end, each in the middle of a side", () => {
    const [first, last] = [path[0]!, path[path.length - 1]!];
    expect(first.x).toBeCloseTo(layout.kitchen.x + layout.kitchen.width);
    expect(first.y).toBeCloseTo(layout.kitchen.y + layout.kitchen.height / 2);
    const side = layout.narrow ? layout.leaving.x : layout.leaving.x + layout.leaving.width;
    expect(last.x).toBeCloseTo(side);
    expect(last.y).toBeCloseTo(layout.leaving.y + layout.leaving.height / 2);
  });

  it("faces the way it goes", () => {
    path.slice(1).forEach((point, i) => {
      const heading = Math.atan2(point.y - path[i]!.y, point.x - path[i]!.x);
      expect(Math.cos(heading - point.angle)).toBeGreaterThan(0.99);
    });
  });

  it("folds only where it is narrow, and has room for the meter where it is not", () => {
    expect(layout.narrow).toBe(width < 620);
    expect(layout.inside === null).toBe(layout.narrow);
    if (layout.inside) expect(layout.inside.height).toBeGreaterThan(120);
  });
});

it("grows with the type of the page", () => {
  expect(layBelt(1_300, 24).half).toBeGreaterThan(layBelt(1_300, 16).half);
});
