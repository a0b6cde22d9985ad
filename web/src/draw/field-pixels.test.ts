import { describe, expect, it } from "vitest";
import { interpolate } from "../model/dictionary.js";
import { dice } from "../wire/frames.fixture.js";
import { FieldPixels } from "./field-pixels.js";
import { packRgb, rampPixels, UNMEASURED } from "./palette.js";

/** A queue of any history: batches of any size at any step, held as a plain list. */
class Queue {
  steps: number[] = [];
  dropped = 0;
  step = 0;
  curve: { step: number; age: Uint32Array; consistency: Float32Array } | null = null;

  constructor(public size: number) {}

  train(batch: number, skipped = 0): this {
    this.step += 1 + skipped;
    for (let key = 0; key < batch; key += 1) this.steps.push(this.step);
    return this;
  }

  keys(fill = Math.min(this.size, this.steps.length)) {
    const { steps, size, step } = this;
    const curve = this.curve && { ...this.curve, drift: this.curve.consistency, count: this.curve.age };
    return {
      written: steps.length,
      fill,
      size,
      step,
      oldest: steps.length - fill,
      curve,
      stepAt: (n: number) => steps[n]!,
    };
  }
}

/** The rule itself, key by key. */
function plainly(keys: ReturnType<Queue["keys"]>, room: number): number[] {
  const ramp = rampPixels("light");
  return Array.from({ length: room }, (_, rank) => {
    if (rank >= keys.fill) return 0;
    if (!keys.curve) return packRgb(UNMEASURED.light);
    const value = interpolate(
      keys.curve.age,
      keys.curve.consistency,
      keys.step - keys.stepAt(keys.written - 1 - rank),
    )!;
    return ramp[Math.round(Math.min(1, Math.max(0, value)) * 255)]!;
  });
}

const curve = (roll: (below: number) => number) => ({
  step: 0,
  age: Uint32Array.from([roll(3), 4 + roll(5), 20 + roll(30)]),
  consistency: Float32Array.from([roll(100) / 100, roll(100) / 100, roll(100) / 100]),
});

describe("the field of all keys", () => {
  it.each([1, 2, 3, 4, 5, 6])("is at every tick what each key's own age says (history %i)", (seed) => {
    const roll = dice(seed);
    const queue = new Queue(40 + roll(200));
    const field = new FieldPixels();
    for (let turn = 0; turn < 200; turn += 1) {
      const what = roll(12);
      if (what === 0) queue.size = 20 + roll(300);
      if (what === 1) queue.curve = curve(roll);
      const batch = what === 2 ? 1 + roll(20) : 8;
      for (let steps = roll(4); steps > 0; steps -= 1) queue.train(batch, what === 3 ? 1 : 0);
      const keys = queue.keys();
      field.take(keys, queue.size + 3, "light");
      expect([...field.pixels]).toEqual(plainly(keys, queue.size + 3));
    }
  });

  it.each([64, 4_096, 16_384, 65_536])("costs a tick of B keys no more than B of them, at K = %i", (size) => {
    for (const batch of [32, 64]) {
      const queue = new Queue(size);
      const field = new FieldPixels();
      queue.curve = curve(dice(1));
      while (queue.steps.length < size) queue.train(batch);
      expect(field.take(queue.keys(), size, "light")).toBe(true);
      for (let tick = 0; tick < 5; tick += 1) {
        expect(field.take(queue.train(batch).keys(), size, "light")).toBe(false);
        expect(field.touched).toBeLessThanOrEqual(batch);
      }
      queue.curve = { ...queue.curve, consistency: Float32Array.from([1, 1, 0]) };
      expect(field.take(queue.keys(), size, "light")).toBe(true);
    }
  });
});
