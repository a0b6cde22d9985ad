import { describe, expect, it } from "vitest";
import { encodeFrame, type FrameParts } from "../wire/frames.fixture.js";
import { decodeFrame, type Tick } from "../wire/frames.js";
import { agreementsOf, MapStore, readMap, shownOf } from "./map-store.js";

type Sections = NonNullable<FrameParts["sections"]>;

/** A probe of `total` keys of which the map shows `shown`; serials, ages and cosines follow from the place. */
function sections(total: number, shown: number): Sections {
  const places = shownOf(total, shown);
  const every = <T>(make: (place: number) => T): T[] => Array.from({ length: total }, (_, place) => make(place));
  return {
    "map.landmarks": { data: Float32Array.of(1, 0, 0, 1, -1, 0), shape: [3, 2] },
    "map.landmark_images": { data: Uint32Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2] },
    "map.keys": { data: Float32Array.from({ length: 2 * shown }, (_, i) => i / 1000), shape: [shown, 2] },
    "map.today": { data: Float32Array.from({ length: 2 * shown }, (_, i) => i / 2000), shape: [shown, 2] },
    "map.queries": { data: Float32Array.of(0.5, 0.5), shape: [1, 2] },
    "map.key_image": { data: Uint32Array.from(places, (place) => 7000 + place) },
    "map.query_image": { data: Uint32Array.of(9) },
    "probe.serial": { data: Uint32Array.from(every((place) => 100 + place)) },
    "probe.age": { data: Uint32Array.from(every((place) => total - 1 - place)) },
    "probe.image": { data: Uint32Array.from(every((place) => 7000 + place)) },
    "probe.cosine": { data: Float32Array.from(every((place) => place / (total - 1))) },
  };
}

function tick(probe: number, change: Partial<FrameParts> = {}): Tick {
  const scalars = { probe_step: probe, other_cosine: 0.2, consistency: 0.5 };
  return decodeFrame(encodeFrame({ step: probe + 3, scalars, sections: sections(4, 4), ...change }));
}

describe("which keys of the sample the map shows", () => {
  it("is all of a small one, and the ends and equal gaps of a large one", () => {
    expect([...shownOf(3, 256)]).toEqual([0, 1, 2]);
    expect([...shownOf(9, 3)]).toEqual([0, 4, 8]);
    const shown = [...shownOf(384, 256)];
    expect(shown[0]).toBe(0);
    expect(shown[255]).toBe(383);
    expect(new Set(shown).size).toBe(256);
    // As numpy's linspace(0, 383, 256).round() has them.
    expect(shown.slice(0, 8)).toEqual([0, 2, 3, 5, 6, 8, 9, 11]);
  });
});

describe("the map of a tick", () => {
  it("says of each key what the probe said of that very key", () => {
    const map = readMap(tick(16, { sections: sections(9, 3) }))!;
    expect(map.step).toBe(16);
    expect([...map.names!]).toEqual([100, 104, 108]);
    expect([...map.ages!]).toEqual([8, 4, 0]);
    expect([...map.cosines!]).toEqual([0, 0.5, 1]);
    expect([...map.agreements!].map((value) => Number(value.toFixed(3)))).toEqual([-0.25, 0.375, 1]);
    expect(map.pictures.map((row) => [...row])).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect([...map.queryImages]).toEqual([9]);
  });

  it("says nothing of keys whose pictures are not those of the probe", () => {
    const other = sections(9, 3);
    other["map.key_image"] = { data: Uint32Array.of(7000, 7005, 7008) };
    const map = readMap(tick(16, { sections: other }))!;
    expect([map.ages, map.cosines, map.agreements, map.names]).toEqual([null, null, null, null]);
    expect(map.keys).toHaveLength(6);
  });

  it("stands without a re-encoding, and without a probe of a dictionary", () => {
    const { "map.today": _, "probe.age": __, ...rest } = sections(4, 4);
    const map = readMap(tick(16, { sections: rest }))!;
    expect(map.today).toBeNull();
    expect(map.ages).toBeNull();
  });

  it("is none where keys and pictures do not fit, and none in a tick without", () => {
    const { "map.key_image": _, ...rest } = sections(4, 4);
    expect(readMap(tick(16, { sections: rest }))).toBeNull();
    const torn = { ...sections(4, 4), "map.key_image": { data: Uint32Array.of(1, 2, 3) } };
    expect(readMap(tick(16, { sections: torn }))).toBeNull();
    expect(readMap(tick(16, { sections: {} }))).toBeNull();
  });

  it("does not keep the message alive", () => {
    const one = tick(16);
    const map = readMap(one)!;
    const message = one.sections.get("map.keys")!.data.buffer;
    for (const array of [map.landmarks, map.pictures[0]!, map.keys, map.today!, map.images, map.queries]) {
      expect(array.buffer).not.toBe(message);
    }
  });
});

describe("agreement of one key", () => {
  it("is its cosine corrected for chance, and has no value where consistency has none", () => {
    expect([...agreementsOf(Float32Array.of(1, 0.5, 0.25), 0.5, 0.3)!]).toEqual([1, 0, -0.5]);
    expect(agreementsOf(Float32Array.of(1), 0.9999, null)).toBeNull();
    expect(agreementsOf(Float32Array.of(1), 1, 0.3)).toBeNull();
    expect(agreementsOf(Float32Array.of(1), null, 0.3)).toBeNull();
  });
});

describe("MapStore", () => {
  it("makes a moment of a probe once, however many ticks bring it", () => {
    const store = new MapStore();
    expect(store.take(tick(16))).toBe(true);
    const first = store.moment;
    expect(store.take(tick(16, { step: 25 }))).toBe(false);
    expect(store.take(tick(16, { step: 26, sections: {} }))).toBe(false);
    expect(store.moment).toBe(first);
    expect(store.take(tick(32))).toBe(true);
    expect(store.moment?.step).toBe(32);
  });

  it("forgets when the run begins anew, and knows the same step of the new run for another", () => {
    const store = new MapStore();
    store.take(tick(16));
    expect(store.take(tick(0, { epoch: 2, step: 0, scalars: {}, sections: {} }))).toBe(false);
    expect(store.moment).toBeNull();
    expect(store.take(tick(16, { epoch: 2 }))).toBe(true);
    expect(store.take(tick(16, { epoch: 3 }))).toBe(true);
  });
});
