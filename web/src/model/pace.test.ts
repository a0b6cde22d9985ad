import { describe, expect, it } from "vitest";
import { Pace } from "./pace.js";

function run(pace: Pace, frames: number, since: number, start = 0): number {
  let now = start;
  for (let i = 0; i < frames; i += 1) {
    now += since;
    pace.note(since, now);
  }
  return now;
}

describe("the pace of drawing", () => {
  it("is every frame on a machine that keeps up", () => {
    const pace = new Pace();
    run(pace, 500, 16.7);
    expect(pace.gap).toBe(0);
  });

  it("slows down where frames come late, and tries again after a while", () => {
    const pace = new Pace();
    const now = run(pace, 12, 90);
    expect(pace.gap).toBeGreaterThan(100);
    run(pace, Math.ceil(20_000 / 121), 121, now);
    expect(pace.gap).toBe(0);
  });

  it("is not taken in by one late frame or by a pause", () => {
    const pace = new Pace();
    for (let i = 0; i < 50; i += 1) {
      run(pace, 3, 17);
      pace.note(90, 0);
      pace.note(5_000, 0);
    }
    expect(pace.gap).toBe(0);
  });
});
