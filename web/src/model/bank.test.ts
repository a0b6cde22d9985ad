import { describe, expect, it } from "vitest";
import type { Section, Tick } from "../wire/frames.js";
import {
  ageHistogram,
  ageOf,
  emptyBank,
  factsOf,
  levelsByAge,
  oldestAge,
  orderByAge,
  roundUp,
  spread,
  stepsPerPass,
} from "./bank.js";
import { type Curve, DictionaryModel, NEVER } from "./dictionary.js";

function section(name: string, data: Uint32Array | Float32Array): [string, Section] {
  return [name, { name, dtype: data instanceof Uint32Array ? "u32" : "f32", shape: [data.length], data }];
}

function tick(step: number, total: number, rows: number[], steps: number[], snapshot = false): Tick {
  const scalars = { dict_written: total, dict_size: 8, dict_fill: 4 };
  return {
    header: { run: "r", epoch: 1, offset: step, step, time: 0, snapshot, scalars, sections: [] },
    scalars,
    sections: new Map([section("dict.image", Uint32Array.from(rows)), section("dict.step", Uint32Array.from(steps))]),
  };
}

/** Eight rows at step 10: row 3 written at step 7, 1 at 8, 6 and 7 just now, the rest never. */
function bankAt10(): DictionaryModel {
  const bank = new DictionaryModel("bank");
  bank.apply(tick(10, 40, [3, 1, 6, 7], [7, 8, 10, 10], true));
  return bank;
}

const curve = {
  step: 10,
  age: Uint32Array.from([0, 10, 30]),
  consistency: Float32Array.from([0.75, 0.5, 0.25]),
  drift: Float32Array.from([0.9, 0.8, 0.7]),
  count: Uint32Array.from([4, 4, 4]),
};

function withCurve(measured: Curve): DictionaryModel {
  const bank = bankAt10();
  bank.curve = measured;
  return bank;
}

describe("rows", () => {
  it("come from a snapshot: never visited where no write is listed", () => {
    const bank = bankAt10();
    expect([...bank.rowStep]).toEqual([NEVER, 8, NEVER, 7, NEVER, NEVER, 10, 10]);
    expect([0, 1, 3, 6, 99].map((row) => ageOf(bank, row))).toEqual([null, 2, 3, 0, null]);
  });

  it("come from changes: visited rows are fresh again, all others grow older", () => {
    const bank = bankAt10();
    expect(bank.apply(tick(12, 42, [1, 0], [12, 12]))).toBe("applied");
    expect([0, 1, 3, 6].map((row) => ageOf(bank, row))).toEqual([0, 0, 5, 2]);
  });

  it("take only the new part of a change that overlaps, and refuse a hole", () => {
    const bank = bankAt10();
    bank.apply(tick(12, 42, [6, 7, 3, 2], [10, 10, 12, 12]));
    expect([2, 3, 6].map((row) => ageOf(bank, row))).toEqual([0, 0, 2]);
    expect(bank.apply(tick(30, 90, [1], [30]))).toBe("gap");
    expect(ageOf(bank, 1)).toBe(4);
  });

  it("start over with the snapshot of a reset run", () => {
    const bank = bankAt10();
    bank.apply(tick(0, 0, [], [], true));
    expect(ageOf(bank, 6)).toBeNull();
    expect(oldestAge(bank)).toBe(0);
  });
});

describe("facts of a row", () => {
  it("tell when it was written, its age in steps and passes, and what rows of that age measure", () => {
    expect(factsOf(withCurve({ ...curve, age: Uint32Array.from([0, 6, 9]) }), 3, 4)).toEqual({
      row: 3,
      written: 7,
      age: 3,
      passes: 1.5,
      consistency: 0.625,
      cosine: null,
    });
    expect(stepsPerPass(bankAt10(), 3)).toBe(3);
  });

  it("tell the row's own cosine only if it was sampled after its last write", () => {
    const bank = withCurve(curve);
    bank.probe = {
      step: 9,
      serial: Uint32Array.from([3, 6]),
      age: Uint32Array.from([2, 4]),
      cosine: Float32Array.from([0.5, 0.25]),
      image: Uint32Array.from([3, 6]),
    };
    expect(factsOf(bank, 3, 4).cosine).toBe(0.5);
    expect(factsOf(bank, 6, 4).cosine).toBeNull();
    expect(factsOf(bank, 1, 4).cosine).toBeNull();
  });

  it("say of a never visited row that nothing is known", () => {
    expect(factsOf(withCurve(curve), 0, 4)).toMatchObject({ written: null, age: null, consistency: null });
  });
});

describe("levels", () => {
  it("give every age a byte on the fixed scale 0..1", () => {
    const levels = levelsByAge({ age: Uint32Array.of(0, 2), consistency: Float32Array.of(1, -0.1) }, 3);
    expect([...(levels ?? [])]).toEqual([255, 115, 0, 0]);
    expect(levelsByAge(null, 3)).toBeNull();
  });
});

describe("order and histogram", () => {
  it("order from fresh to old, the never visited last, ties in image order", () => {
    expect([...orderByAge(bankAt10())]).toEqual([6, 7, 1, 3, 0, 2, 4, 5]);
  });

  it("spread takes both ends", () => {
    expect([...spread(Uint32Array.of(5, 6, 7, 8, 9), 3)]).toEqual([5, 7, 9]);
    expect([...spread(Uint32Array.of(5, 6), 9)]).toEqual([5, 6]);
    expect([...spread(Uint32Array.of(5, 6), 1)]).toEqual([5]);
  });

  it("count every row once", () => {
    const { width, counts, never } = ageHistogram(bankAt10(), 2);
    expect(width).toBe(2);
    expect([...counts]).toEqual([2, 2]);
    expect(never).toBe(4);
  });

  it("hold an empty bank", () => {
    const empty = new DictionaryModel("bank");
    expect(ageHistogram(empty, 10).never).toBe(0);
    expect(orderByAge(empty)).toHaveLength(0);
  });

  it("hold a bank that has not arrived: all places, no rows", () => {
    const waiting = emptyBank(5);
    expect(ageHistogram(waiting, 10).never).toBe(5);
    expect([...orderByAge(waiting)]).toEqual([0, 1, 2, 3, 4]);
    expect(factsOf(waiting, 2, 64).age).toBeNull();
  });

  it("bin widths are round", () => {
    expect([0.1, 1, 1.2, 4, 7, 13, 130].map(roundUp)).toEqual([1, 1, 2, 5, 10, 20, 200]);
  });
});
