/** The keys of a map by age: what the table beside it says, and which dots a row of it lights. No DOM. */
import type { MapMoment } from "./map-store.js";

export interface AgeGroup {
  /** Youngest and oldest age in the group, steps. */
  readonly from: number;
  readonly to: number;
  /** Which keys of the moment. */
  readonly keys: Uint32Array;
  /** Mean agreement; null where none was measured. */
  readonly agreement: number | null;
  /** Mean length of the lines from where they are stored to where today's encoder puts them; null without. */
  readonly move: number | null;
}

/**
 * Keys of one age stand together while there are at most `most` ages; otherwise neighbouring ages are joined until
 * there are at most so many groups of about equal size. Youngest first. Empty while ages are unknown.
 */
export function groupByAge(moment: MapMoment, most = 6): AgeGroup[] {
  const { ages } = moment;
  if (!ages || ages.length === 0) return [];
  const order = Uint32Array.from({ length: ages.length }, (_, key) => key).sort((a, b) => ages[a]! - ages[b]! || a - b);
  const distinct = new Set(ages).size;
  const least = distinct <= most ? 1 : Math.ceil(order.length / most);
  const groups: AgeGroup[] = [];
  for (let first = 0; first < order.length; ) {
    let end = Math.min(order.length, first + least);
    // All keys of one age belong to one group.
    while (end < order.length && ages[order[end]!] === ages[order[end - 1]!]) end += 1;
    groups.push(describe(moment, order.slice(first, end)));
    first = end;
  }
  return groups;
}

/** Mean over all keys of the distance between where a key is stored and where today's encoder puts it. */
export function meanMove(moment: MapMoment): number | null {
  return mean(
    Uint32Array.from({ length: moment.images.length }, (_, key) => key),
    (key) => moveOf(moment, key),
  );
}

/** That distance for one key, in radii of the circle; null where nothing is re-encoded. */
export function moveOf({ keys, today }: MapMoment, key: number): number | null {
  if (!today) return null;
  return Math.hypot(today[2 * key]! - keys[2 * key]!, today[2 * key + 1]! - keys[2 * key + 1]!);
}

function describe(moment: MapMoment, keys: Uint32Array): AgeGroup {
  const { ages, agreements } = moment;
  return {
    from: ages![keys[0]!]!,
    to: ages![keys[keys.length - 1]!]!,
    keys,
    agreement: mean(keys, (key) => agreements?.[key] ?? null),
    move: mean(keys, (key) => moveOf(moment, key)),
  };
}

function mean(keys: Uint32Array, value: (key: number) => number | null): number | null {
  let sum = 0;
  for (const key of keys) {
    const one = value(key);
    if (one === null) return null;
    sum += one;
  }
  return keys.length > 0 ? sum / keys.length : null;
}
