import { describe, expect, it } from "vitest";
import { MOMENTUM_TICKS, makeScale, type Scale } from "./scales.js";

const momentum = makeScale("momentum", { min: 0, max: 0.999 });
const queue = makeScale("powers", { min: 64, max: 65_536 });
const rate = makeScale("log", { min: 0.001, max: 1 });
const share = makeScale("linear", { min: 0, max: 2, step: 0.05 });

describe.each<[string, Scale, number, number]>([
  ["momentum", momentum, 0, 0.999],
  ["powers", queue, 64, 65_536],
  ["log", rate, 0.001, 1],
  ["linear", share, 0, 2],
])("the %s scale", (_name, scale, low, high) => {
  it("reaches both ends", () => {
    expect(scale.value(0)).toBe(low);
    expect(scale.value(1)).toBe(high);
    expect(scale.place(low)).toBeCloseTo(0);
    expect(scale.place(high)).toBeCloseTo(1);
  });

  it("never falls as the thumb goes right, and stays inside", () => {
    let before = low;
    for (let i = 0; i <= 1_000; i += 1) {
      const value = scale.value(i / 1_000);
      expect(value).toBeGreaterThanOrEqual(before);
      expect(value).toBeLessThanOrEqual(high);
      before = value;
    }
  });

  it("shows a value where the thumb was when it was chosen", () => {
    for (let i = 0; i <= 100; i += 1) expect(Math.abs(scale.place(scale.value(i / 100)) - i / 100)).toBeLessThan(0.051);
  });

  it("can be walked from end to end by arrow keys", () => {
    let value = low;
    for (let press = 0; press < 400 && value < high; press += 1) {
      const next = scale.nudge(value, 1);
      expect(next).toBeGreaterThan(value);
      value = next;
    }
    expect(value).toBe(high);
    expect(scale.nudge(value, -1)).toBeLessThan(value);
  });

  it("takes a value from outside to the nearer end", () => {
    expect(scale.place(high * 2 + 1)).toBe(1);
    expect(scale.place(-5)).toBe(0);
  });
});

describe("the momentum scale", () => {
  it("sets its ticks at equal distances and snaps to them", () => {
    MOMENTUM_TICKS.forEach((tick, i) => {
      expect(momentum.place(tick)).toBeCloseTo(i / 4, 9);
      expect(momentum.value(i / 4 + 0.01)).toBe(tick);
    });
  });

  it("gives numbers one can read", () => {
    for (let i = 0; i <= 100; i += 1) expect(String(momentum.value(i / 100)).length).toBeLessThanOrEqual(6);
  });
});

describe("the queue length scale", () => {
  it("knows only powers of two", () => {
    for (let i = 0; i <= 100; i += 1) expect(Math.log2(queue.value(i / 100)) % 1).toBe(0);
    expect(queue.nudge(4_096, 1)).toBe(8_192);
    expect(queue.nudge(5_000, -1)).toBe(2_048);
  });
});
