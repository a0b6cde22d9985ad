import { describe, expect, it } from "vitest";
import { groupByAge, meanMove, moveOf } from "./map-groups.js";
import type { MapMoment } from "./map-store.js";

function moment(ages: number[] | null, agreements: number[] | null = null, moves: number[] | null = null): MapMoment {
  const count = ages?.length ?? 4;
  return {
    step: 100,
    landmarks: new Float32Array(0),
    pictures: [],
    keys: new Float32Array(2 * count),
    today: moves ? Float32Array.from(moves.flatMap((move) => [0.6 * move, -0.8 * move])) : null,
    images: new Uint32Array(count),
    names: null,
    ages: ages ? Uint32Array.from(ages) : null,
    cosines: null,
    agreements: agreements ? Float32Array.from(agreements) : null,
    queries: new Float32Array(0),
    queryImages: new Uint32Array(0),
  };
}

describe("keys by age", () => {
  it("stand together by age, youngest first, with the means of their keys", () => {
    const groups = groupByAge(moment([25, 0, 25, 0], [0.5, 1, 0.25, 1], [1, 0, 0.5, 0]));
    expect(groups.map(({ from, to, keys }) => [from, to, [...keys]])).toEqual([
      [0, 0, [1, 3]],
      [25, 25, [0, 2]],
    ]);
    expect(groups[1]!.agreement).toBeCloseTo(0.375);
    expect(groups[1]!.move).toBeCloseTo(0.75);
    expect(groups[0]!.move).toBe(0);
  });

  it("are joined into few groups that hold every key once, and never part one age", () => {
    for (const ages of [
      Array.from({ length: 384 }, (_, place) => place),
      Array.from({ length: 100 }, (_, place) => Math.floor(place / 9)),
      [...Array.from({ length: 90 }, () => 5), 1, 2, 3, 4, 6, 7, 8],
    ]) {
      const groups = groupByAge(moment(ages));
      expect(groups.length).toBeGreaterThan(1);
      expect(groups.length).toBeLessThanOrEqual(6);
      const keys = groups.flatMap((group) => [...group.keys]);
      expect(keys.sort((a, b) => a - b)).toEqual(ages.map((_, key) => key));
      for (let place = 1; place < groups.length; place += 1) {
        expect(groups[place]!.from).toBeGreaterThan(groups[place - 1]!.to);
      }
    }
  });

  it("are not grouped while ages are unknown, and have no mean where nothing was measured", () => {
    expect(groupByAge(moment(null))).toEqual([]);
    expect(groupByAge(moment([1, 1]))[0]).toMatchObject({ agreement: null, move: null });
  });
});

describe("the length of a line", () => {
  it("is the distance on the map, and none without a re-encoding", () => {
    const some = moment([0, 1], null, [0.5, 1.5]);
    expect(moveOf(some, 1)).toBeCloseTo(1.5);
    expect(meanMove(some)).toBeCloseTo(1);
    expect(meanMove(moment([0, 1]))).toBeNull();
  });
});
