import { describe, expect, it } from "vitest";
import { dice, encodeFrame } from "../wire/frames.fixture.js";
import { decodeFrame, type Tick } from "../wire/frames.js";
import { DictionaryModel, interpolate, NEVER } from "./dictionary.js";

/** The plain truth: a list of writes and how many of the newest are held. */
class Reference {
  writes: { image: number; step: number }[] = [];
  fill = 0;
  step = 0;

  constructor(public size: number) {}

  train(images: readonly number[]): void {
    this.step += 1;
    for (const image of images) this.writes.push({ image, step: this.step });
    this.fill = Math.min(this.size, this.fill + images.length);
  }

  resize(size: number): void {
    this.size = size;
    this.fill = Math.min(this.fill, size);
  }

  tick(after: number | null): Tick {
    const all = after === null;
    const newest = all ? this.fill : Math.min(this.fill, this.writes.length - after);
    return frame(this, this.writes.slice(this.writes.length - newest), all);
  }
}

function frame(
  truth: { writes: readonly unknown[]; fill: number; size: number; step: number },
  sent: readonly { image: number; step: number }[],
  snapshot: boolean,
): Tick {
  return decodeFrame(
    encodeFrame({
      step: truth.step,
      snapshot,
      scalars: { dict_written: truth.writes.length, dict_fill: truth.fill, dict_size: truth.size },
      sections: {
        "dict.image": { data: Uint32Array.from(sent, (write) => write.image) },
        "dict.step": { data: Uint32Array.from(sent, (write) => write.step) },
      },
    }),
  );
}

function expectSame(model: DictionaryModel, truth: Reference): void {
  expect(model.written).toBe(truth.writes.length);
  expect(model.fill).toBe(truth.fill);
  expect(model.size).toBe(truth.size);
  const held = Array.from({ length: model.fill }, (_, i) => model.oldest + i);
  const seen = held.map((serial) => [
    model.has(serial),
    model.imageAt(serial),
    model.stepAt(serial),
    model.ageAt(serial),
  ]);
  const wanted = truth.writes.slice(-truth.fill).map(({ image, step }) => [true, image, step, truth.step - step]);
  // One comparison, not four a key: `expect` is slow.
  expect(JSON.stringify(seen)).toBe(JSON.stringify(truth.fill ? wanted : []));
  expect(model.has(model.oldest - 1)).toBe(false);
  expect(model.has(model.written)).toBe(false);
}

describe("a queue followed by ticks", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])("stays equal to the plain list through any history (seed %i)", (seed) => {
    const roll = dice(seed);
    const truth = new Reference(1 + roll(300));
    const model = new DictionaryModel("queue");
    for (let turn = 0; turn < 150; turn += 1) {
      const what = roll(10);
      if (what === 0) truth.resize(1 + roll(600));
      for (let steps = 1 + roll(4); steps > 0; steps -= 1) {
        truth.train(Array.from({ length: 1 + roll(70) }, () => roll(5_000)));
      }
      if (what === 1) continue; // this tick never arrives
      const known = model.ready ? model.written : null;
      if (what === 2 && known !== null) {
        // A change that begins after what is known: refused, and nothing moves.
        const short = frame(truth, truth.writes.slice(known + 1), false);
        const before = model.written;
        expect(model.apply(short)).toBe("gap");
        expect(model.written).toBe(before);
        expect(model.apply(truth.tick(null))).toBe("applied");
      } else {
        const reach = known === null || truth.writes.length - known > truth.fill ? null : known;
        expect(model.apply(truth.tick(reach))).toBe("applied");
      }
      expectSame(model, truth);
    }
  });

  it("takes only what is new from a change that reaches further back", () => {
    const truth = new Reference(8);
    const model = new DictionaryModel("queue");
    truth.train([1, 2, 3]);
    model.apply(truth.tick(null));
    truth.train([4, 5]);
    expect(model.apply(truth.tick(1))).toBe("applied");
    expectSame(model, truth);
  });

  it("asks for a snapshot when it knows nothing yet, and when the run went back", () => {
    const truth = new Reference(8);
    truth.train([1, 2, 3]);
    const model = new DictionaryModel("queue");
    expect(model.apply(truth.tick(0))).toBe("gap");
    expect(model.ready).toBe(false);
    model.apply(truth.tick(null));
    const earlier = new Reference(8);
    earlier.train([9]);
    expect(model.apply(earlier.tick(0))).toBe("gap");
    expect(model.apply(earlier.tick(null))).toBe("applied");
    expectSame(model, earlier);
  });

  it("leaves a tick without dictionary alone", () => {
    const model = new DictionaryModel("queue");
    expect(model.apply(decodeFrame(encodeFrame({ step: 3, scalars: { loss: 1 } })))).toBe("unchanged");
  });

  it("holds fewer keys than K after shrinking and growing", () => {
    const truth = new Reference(64);
    const model = new DictionaryModel("queue");
    truth.train(Array.from({ length: 64 }, (_, i) => i));
    model.apply(truth.tick(null));
    truth.resize(16);
    truth.resize(256);
    truth.train([100, 101]);
    expect(model.apply(truth.tick(model.written))).toBe("applied");
    expect(model.fill).toBe(18);
    expectSame(model, truth);
  });
});

describe("a bank", () => {
  it("knows the step of each row's last visit, and the rows that had none", () => {
    const model = new DictionaryModel("bank");
    const visits = [
      { image: 2, step: 1 },
      { image: 0, step: 2 },
    ];
    model.apply(frame({ writes: visits, fill: 2, size: 4, step: 2 }, visits, true));
    expect([...model.rowStep]).toEqual([2, NEVER, 1, NEVER]);
    const more = [...visits, { image: 2, step: 3 }];
    model.apply(frame({ writes: more, fill: 2, size: 4, step: 3 }, more.slice(2), false));
    expect([...model.rowStep]).toEqual([2, NEVER, 3, NEVER]);
  });
});

describe("the measured curve", () => {
  const model = new DictionaryModel("queue");
  model.apply(
    decodeFrame(
      encodeFrame({
        step: 50,
        scalars: { probe_step: 48 },
        sections: {
          "curve.age": { data: Uint32Array.of(0, 10, 30) },
          "curve.consistency": { data: Float32Array.of(1, 0.5, 0.25) },
          "curve.drift": { data: Float32Array.of(1, 0.75, 0.5) },
          "curve.count": { data: Uint32Array.of(8, 8, 8) },
        },
      }),
    ),
  );

  it.each([
    [0, 1],
    [5, 0.75],
    [10, 0.5],
    [20, 0.375],
    [30, 0.25],
    [500, 0.25],
  ])("reads age %i as %f", (age, value) => {
    expect(model.consistencyAt(age)).toBeCloseTo(value, 6);
  });

  it("says when it was measured", () => expect(model.curve!.step).toBe(48));

  it("has nothing to say before the first measurement", () => {
    expect(new DictionaryModel("queue").consistencyAt(3)).toBeNull();
    expect(interpolate([], [], 3)).toBeNull();
  });
});
