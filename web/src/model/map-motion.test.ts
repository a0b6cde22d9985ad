import { describe, expect, it } from "vitest";
import { CHANGE, MapMotion, STAY } from "./map-motion.js";
import type { MapMoment } from "./map-store.js";

/** Keys by name, each stored at (x, 0) and today at (x, 1). */
function moment(step: number, keys: Record<number, number>): MapMoment {
  const names = Uint32Array.from(Object.keys(keys), Number);
  const flat = (y: number) => Float32Array.from([...names].flatMap((name) => [keys[name]!, y]));
  return {
    step,
    landmarks: new Float32Array(0),
    pictures: [],
    keys: flat(0),
    today: flat(1),
    images: names,
    names,
    ages: null,
    cosines: null,
    agreements: null,
    queries: new Float32Array(0),
    queryImages: new Uint32Array(0),
  };
}

const A = moment(16, { 1: 0, 2: 0.25 });
const B = moment(32, { 2: 0.75, 3: -0.5 });

function shown(first: MapMoment, at = 0): MapMotion {
  const motion = new MapMotion();
  motion.offer(first);
  motion.frame(at);
  return motion;
}

describe("from one probe to the next", () => {
  it("shows nothing before the first and the first at once", () => {
    const motion = new MapMotion();
    expect(motion.frame(5)).toBeNull();
    expect(motion.waits(5)).toBeNull();
    motion.offer(A);
    expect(motion.waits(5)).toBe(0);
    expect(motion.frame(5)?.moment).toBe(A);
  });

  it("lets new keys appear where they are stored and their lines grow out", () => {
    const motion = shown(A, 100);
    const start = motion.frame(100)!;
    expect([...start.shown]).toEqual([0, 0]);
    const middle = motion.frame(100 + CHANGE / 2)!;
    expect([...middle.keys]).toEqual([...A.keys]);
    expect(middle.shown[0]).toBe(1);
    expect(middle.ends![1]).toBeGreaterThan(0);
    expect(middle.ends![1]).toBeLessThan(1);
    const end = motion.frame(100 + CHANGE)!;
    expect(end.ends).toBe(A.today);
    expect(motion.waits(100 + CHANGE)).toBeNull();
  });

  it("glides a key that both took, and no other takes its dot", () => {
    const motion = shown(A);
    motion.offer(B);
    motion.frame(STAY);
    const middle = motion.frame(STAY + CHANGE / 2)!;
    expect(middle.keys[0]).toBeCloseTo(0.5);
    expect(middle.shown[0]).toBe(1);
    expect(middle.ends![1]).toBeCloseTo(1);
    // Key 3 is new and stands where it is stored; key 1 goes from where it lay.
    expect(middle.keys[2]).toBe(-0.5);
    expect(motion.frame(STAY + CHANGE / 4)!.leaving).toMatchObject({ moment: A, which: Uint32Array.of(0) });
    const end = motion.frame(STAY + CHANGE)!;
    expect(end.keys).toBe(B.keys);
    expect(end.leaving).toBeNull();
  });

  it("does not move anything that did not change", () => {
    const motion = shown(A);
    const again = moment(32, { 1: 0, 2: 0.25 });
    motion.offer(again);
    for (let now = STAY; now <= STAY + CHANGE; now += CHANGE / 7) {
      const frame = motion.frame(now)!;
      expect([...frame.keys]).toEqual([...A.keys]);
      expect([...frame.ends!]).toEqual([...A.today!]);
      expect([...frame.shown]).toEqual([1, 1]);
    }
  });

  it("lets each probe stay for a while and then takes the newest that waits", () => {
    const motion = shown(A);
    const late = moment(48, { 9: 0 });
    motion.offer(B);
    motion.offer(late);
    expect(motion.frame(CHANGE)?.moment).toBe(A);
    expect(motion.waits(CHANGE)).toBe(STAY - CHANGE);
    expect(motion.frame(STAY - 1)?.moment).toBe(A);
    expect(motion.frame(STAY)?.moment).toBe(late);
  });

  it("holds still while a key is looked at, and says that a newer probe waits", () => {
    const motion = shown(A);
    motion.held = true;
    motion.offer(B);
    expect(motion.frame(9 * STAY)?.moment).toBe(A);
    expect(motion.waits(9 * STAY)).toBeNull();
    expect(motion.waiting).toBe(true);
    motion.held = false;
    expect(motion.frame(9 * STAY)?.moment).toBe(B);
    expect(motion.waiting).toBe(false);
  });

  it("jumps where motion is not wanted", () => {
    const motion = shown(A);
    motion.still = true;
    motion.offer(B);
    expect(motion.frame(STAY)).toMatchObject({ keys: B.keys, ends: B.today, leaving: null, queriesShown: 1 });
    expect(motion.waits(STAY)).toBeNull();
  });

  it("forgets all when the run begins anew", () => {
    const motion = shown(A);
    motion.clear();
    expect(motion.frame(STAY)).toBeNull();
    motion.offer(B);
    expect(motion.frame(STAY)?.leaving).toBeNull();
  });
});
