import { describe, expect, it } from "vitest";
import { DictionaryModel } from "./dictionary.js";
import { BeltMemory } from "./ghost.js";

/** A belt of 8 steps with a fresh measurement at `step`. */
function measured(step: number, consistency: number): DictionaryModel {
  const dictionary = new DictionaryModel("queue");
  dictionary.step = step;
  dictionary.fill = dictionary.size = 512;
  const age = Uint32Array.of(0, 7);
  dictionary.curve = {
    step,
    age,
    consistency: Float32Array.of(1, consistency),
    drift: new Float32Array(2),
    count: age,
  };
  return dictionary;
}

describe("what the page remembers of before", () => {
  it("is the last curve measured under the momentum before the change", () => {
    const memory = new BeltMemory();
    memory.note(0.99, 20, 7, 0.9, measured(20, 0.9));
    expect(memory.ghost).toBeNull();
    memory.note(0.5, 21, 7, 0.9, measured(20, 0.9));
    expect(memory.ghost?.momentum).toBe(0.99);
    expect(memory.ghost?.curve.consistency[1]).toBeCloseTo(0.9);
  });

  it("survives a drag through values that were never measured", () => {
    const memory = new BeltMemory();
    memory.note(0.99, 20, 7, 0.9, measured(20, 0.9));
    for (const momentum of [0.9, 0.8, 0.7, 0.5]) memory.note(momentum, 21, 7, 0.9, measured(20, 0.9));
    memory.note(0.5, 30, 7, 0.2, measured(30, 0.1));
    expect(memory.ghost?.momentum).toBe(0.99);
  });

  it("is not a value that a drag only passed through, even if it was measured", () => {
    const memory = new BeltMemory();
    memory.note(0.99, 20, 7, 0.9, measured(20, 0.9));
    memory.note(0.8, 22, 7, 0.9, measured(22, 0.8));
    memory.note(0.7, 24, 7, 0.9, measured(24, 0.8));
    memory.note(0.5, 25, 7, 0.9, measured(24, 0.8));
    expect(memory.ghost?.momentum).toBe(0.99);
    memory.note(0.5, 40, 7, 0.2, measured(40, 0.1));
    memory.note(0.99, 41, 7, 0.2, measured(40, 0.1));
    expect(memory.ghost?.momentum).toBe(0.5);
  });

  it("lets go of marks when the belt changes its length", () => {
    const memory = new BeltMemory();
    memory.note(0.99, 20, 7, 0.9, measured(20, 0.9));
    const longer = measured(21, 0.9);
    longer.size = longer.fill = 1024;
    memory.note(0.99, 21, 7, 0.9, longer);
    expect(memory.settled.size).toBe(0);
  });

  it("notes where the meter settled once the whole belt was written under one momentum", () => {
    const memory = new BeltMemory();
    memory.note(0.99, 20, 7, 0.9, measured(20, 0.9));
    memory.note(0.5, 21, 7, 0.6, measured(20, 0.9));
    memory.note(0.5, 24, 7, 0.4, measured(24, 0.3));
    expect(memory.settled.has(0.5)).toBe(false);
    memory.note(0.5, 29, 7, 0.2, measured(29, 0.1));
    expect(memory.settled.get(0.5)).toBe(0.2);
  });

  it("is forgotten when the run starts over", () => {
    const memory = new BeltMemory();
    memory.note(0.99, 20, 7, 0.9, measured(20, 0.9));
    memory.note(0.5, 21, 7, 0.9, measured(20, 0.9));
    memory.note(0.5, 1, 0, null, new DictionaryModel("queue"));
    expect(memory.ghost).toBeNull();
    expect(memory.settled.size).toBe(0);
  });
});
