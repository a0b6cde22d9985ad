import { describe, expect, it } from "vitest";
import { keyNear, landmarkAt, layMap, onCanvas } from "./key-map.js";

const circle = (count: number) =>
  Float32Array.from({ length: 2 * count }, (_, i) => {
    const angle = (2 * Math.PI * Math.floor(i / 2)) / count;
    return i % 2 === 0 ? Math.cos(angle) : Math.sin(angle);
  });

describe("the map's layout", () => {
  it("keeps every landmark inside the square and clear of the circle and of its neighbours, at every width", () => {
    for (const size of [280, 340, 390, 560, 900]) {
      const layout = layMap(size);
      for (const count of [3, 10, 12, 16]) {
        const landmarks = circle(count);
        const half = layout.sheet / 2;
        const middles = Array.from({ length: count }, (_, landmark) => {
          const out = layout.sheetAt / layout.radius;
          return onCanvas(layout, landmarks[2 * landmark]! * out, landmarks[2 * landmark + 1]! * out);
        });
        middles.forEach(([x, y], landmark) => {
          expect(Math.min(x, y) - half).toBeGreaterThanOrEqual(0);
          expect(Math.max(x, y) + half).toBeLessThanOrEqual(size);
          const clear = Math.hypot(
            Math.max(0, Math.abs(x - size / 2) - half),
            Math.max(0, Math.abs(y - size / 2) - half),
          );
          expect(clear).toBeGreaterThan(layout.radius);
          const [nextX, nextY] = middles[(landmark + 1) % count]!;
          expect(Math.max(Math.abs(nextX - x), Math.abs(nextY - y))).toBeGreaterThan(layout.sheet);
          expect(landmarkAt(layout, landmarks, x, y)).toBe(landmark);
        });
        expect(landmarkAt(layout, landmarks, size / 2, size / 2)).toBeNull();
      }
    }
  });

  it("puts up at the top", () => {
    const layout = layMap(500);
    expect(onCanvas(layout, 0, 0)).toEqual([250, 250]);
    expect(onCanvas(layout, 0, 1)[1]).toBeLessThan(250);
    expect(onCanvas(layout, 1, 0)[0]).toBeGreaterThan(250);
  });
});

describe("the key under the pointer", () => {
  it("is the nearest within reach", () => {
    const layout = layMap(500);
    const keys = Float32Array.of(0, 0, 0.05, 0, -0.5, -0.5);
    expect(keyNear(layout, keys, ...onCanvas(layout, 0.04, 0))).toBe(1);
    expect(keyNear(layout, keys, ...onCanvas(layout, 0.01, 0.01))).toBe(0);
    expect(keyNear(layout, keys, ...onCanvas(layout, -0.5, -0.47))).toBe(2);
    expect(keyNear(layout, keys, ...onCanvas(layout, 0.5, 0.5))).toBeNull();
    expect(keyNear(layout, new Float32Array(0), 250, 250)).toBeNull();
  });
});
