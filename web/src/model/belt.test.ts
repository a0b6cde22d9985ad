import { describe, expect, it } from "vitest";
import { dice, encodeFrame } from "../wire/frames.fixture.js";
import { decodeFrame } from "../wire/frames.js";
import { BeltMotion, placeOf, strideFor } from "./belt.js";
import { DictionaryModel } from "./dictionary.js";

/** A run of batches of 64: image = serial, so that a plate that changed its picture is found out. */
class Kitchen {
  readonly dictionary = new DictionaryModel("queue");
  written = 0;
  fill = 0;
  step = 0;

  constructor(public size: number) {}

  train(steps = 1): DictionaryModel {
    this.step += steps;
    this.written += 64 * steps;
    this.fill = Math.min(this.size, this.fill + 64 * steps);
    return this.send();
  }

  send(): DictionaryModel {
    this.fill = Math.min(this.fill, this.size);
    const first = this.written - this.fill;
    const image = Uint32Array.from({ length: this.fill }, (_, i) => first + i);
    this.dictionary.apply(
      decodeFrame(
        encodeFrame({
          step: this.step,
          snapshot: true,
          scalars: { dict_written: this.written, dict_fill: this.fill, dict_size: this.size },
          sections: {
            "dict.image": { data: image },
            "dict.step": { data: image.map((serial) => Math.floor(serial / 64) + 1) },
          },
        }),
      ),
    );
    return this.dictionary;
  }
}

describe("which plates are shown", () => {
  it.each([1, 20, 64, 100, 4_096, 65_536])("every n-th of %i keys, never more than there is room for", (keys) => {
    for (const room of [4, 17, 24, 40]) {
      const stride = strideFor(keys, room);
      expect(keys / stride).toBeLessThanOrEqual(room);
      if (stride > 1) expect(keys / stride).toBeGreaterThan(room * 0.49);
    }
  });
});

describe("a plate's place", () => {
  it("is its age and nothing else: 0 at the kitchen, 1 at the end", () => {
    expect(placeOf(100, 100, 64)).toBe(0);
    expect(placeOf(36, 100, 64)).toBe(1);
    for (let age = 1; age < 64; age += 1) {
      expect(placeOf(100 - age, 100, 64)).toBeGreaterThan(placeOf(100 - age + 1, 100, 64));
    }
  });
});

describe("motion between ticks", () => {
  it.each([1, 2, 3])("never runs backwards and never changes a plate's picture (seed %i)", (seed) => {
    const roll = dice(seed);
    const kitchen = new Kitchen(4_096);
    const motion = new BeltMotion(20);
    const pictures = new Map<number, number>();
    const places = new Map<number, number>();
    for (let frame = 0; frame < 1_500; frame += 1) {
      if (roll(4) === 0) motion.follow(kitchen.train(1 + roll(3)));
      motion.advance(4 + roll(30));
      for (const plate of motion.plates) {
        expect(plate.image).toBe(pictures.get(plate.serial) ?? plate.serial);
        pictures.set(plate.serial, plate.image);
        expect(plate.place).toBeGreaterThanOrEqual((places.get(plate.serial) ?? -1) - 1e-9);
        places.set(plate.serial, plate.place);
      }
      expect(new Set(motion.plates.map(({ serial }) => serial)).size).toBe(motion.plates.length);
    }
  });

  it("carries every shown plate to the end before it goes", () => {
    const kitchen = new Kitchen(640);
    const motion = new BeltMotion(10);
    const last = new Map<number, number>();
    for (let frame = 0; frame < 2_000; frame += 1) {
      if (frame % 6 === 0) motion.follow(kitchen.train());
      motion.advance(16);
      const here = new Set(motion.plates.map(({ serial }) => serial));
      for (const [serial, place] of last) {
        if (here.has(serial)) continue;
        expect(place).toBeGreaterThan(1);
        last.delete(serial);
      }
      for (const { serial, place } of motion.plates) last.set(serial, place);
    }
  });

  it("comes to rest exactly where the run stands, and says so", () => {
    const kitchen = new Kitchen(1_024);
    const motion = new BeltMotion(20);
    motion.follow(kitchen.train(20));
    motion.follow(kitchen.train(2));
    let frames = 0;
    while (motion.advance(16)) {
      frames += 1;
      expect(frames).toBeLessThan(500);
    }
    expect(motion.clock).toBe(kitchen.written);
    for (const plate of motion.plates) expect(plate.place).toBe(placeOf(plate.serial, kitchen.written, 1_024));
  });

  it("jumps at once when motion is to be reduced", () => {
    const kitchen = new Kitchen(1_024);
    const motion = new BeltMotion(20, true);
    motion.follow(kitchen.train(20));
    motion.follow(kitchen.train(3));
    expect(motion.advance(16)).toBe(false);
    expect(motion.clock).toBe(kitchen.written);
  });

  it("does not race through what happened while nobody looked", () => {
    const kitchen = new Kitchen(1_024);
    const motion = new BeltMotion(20);
    motion.follow(kitchen.train(20));
    motion.advance(16);
    motion.follow(kitchen.train(5_000));
    expect(kitchen.written - motion.clock).toBeLessThanOrEqual(1_024);
  });

  it("starts over with the run", () => {
    const motion = new BeltMotion(20);
    motion.follow(new Kitchen(1_024).train(50));
    motion.advance(16);
    const again = new Kitchen(1_024);
    motion.follow(again.train(1));
    motion.advance(16);
    expect(motion.clock).toBe(64);
    for (const plate of motion.plates) expect(plate.serial).toBeLessThan(64);
  });

  it("eases into another queue length and keeps plates that stay", () => {
    const kitchen = new Kitchen(1_024);
    const motion = new BeltMotion(20);
    motion.follow(kitchen.train(30));
    while (motion.advance(16));
    const before = new Set(motion.plates.filter(({ place }) => place < 0.4).map(({ serial }) => serial));
    kitchen.size = 512;
    motion.follow(kitchen.send());
    let length = motion.length;
    while (motion.advance(16)) {
      expect(motion.length).toBeLessThanOrEqual(length);
      length = motion.length;
    }
    expect(motion.length).toBe(512);
    const now = new Set(motion.plates.map(({ serial }) => serial));
    for (const serial of before) expect(now.has(serial)).toBe(true);
  });
});

/** A queue of batches of any size, asked as the belt asks it; image and step follow from the serial number. */
function queueOf(size: number, batch: number) {
  const keys = {
    ready: true,
    size,
    written: 0,
    fill: 0,
    step: 0,
    get oldest() {
      return keys.written - keys.fill;
    },
    imageAt: (serial: number) => (serial * 7919) % 50_021,
    stepAt: (serial: number) => Math.floor(serial / batch) + 1,
    train(steps: number) {
      keys.step += steps;
      keys.written += steps * batch;
      keys.fill = Math.min(size, keys.written);
      return keys as unknown as DictionaryModel;
    },
  };
  return keys;
}

describe("a plate's identity", () => {
  const lengths = [64, 100, 1_024, 4_096, 16_384, 65_536];
  const batches = [1, 7, 32, 64, 256, 1_024];
  const cases = lengths.flatMap((size) => batches.filter((batch) => batch <= size).map((batch) => [size, batch]));

  it.each(cases)("holds from boarding to leaving at K = %i, B = %i", (size, batch) => {
    const roll = dice(size + batch);
    const queue = queueOf(size!, batch!);
    const motion = new BeltMotion(24);
    motion.follow(queue.train(Math.ceil(size! / batch!)));
    motion.advance(16);
    const riding = new Map<number, { image: number; step: number; place: number }>();
    const full = Math.ceil(size! / batch!);
    // Batches nearly as large as the belt come more slowly: faster, they are a flow and no plates.
    const every = full < 4 ? 40 : 4;
    for (let frame = 0; frame < 1_200; frame += 1) {
      // No more than an eighth of the belt at once: what nobody could follow is another test's.
      if (frame % every === 0) motion.follow(queue.train(1 + roll(Math.max(1, Math.floor(full / 64)))));
      motion.advance(16);
      const here = new Map(motion.plates.map((plate) => [plate.serial, plate]));
      expect(here.size).toBe(motion.plates.length);
      for (const [serial, before] of riding) {
        const now = here.get(serial);
        if (now)
          expect([now.image, now.step, now.place >= before.place - 1e-9]).toEqual([before.image, before.step, true]);
        else expect(before.place).toBeGreaterThan(1);
      }
      riding.clear();
      for (const { serial, image, step, place } of motion.plates) riding.set(serial, { image, step, place });
      expect(riding.size).toBeGreaterThan(0);
    }
  });
});
