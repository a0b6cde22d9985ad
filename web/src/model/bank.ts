/**
 * The memory bank read from the dictionary: how old its rows are, in which order they stand on the wall, and
 * how well rows of each age still agree with today's encoder. No DOM.
 *
 * A row is an image. Its age is counted (step now minus step written); its consistency is measured on a sample
 * of rows and reported by age, so a row's colour is the measured curve read at that row's own age.
 */
import { type Curve, type DictionaryModel, interpolate, NEVER } from "./dictionary.js";

/** The part of the dictionary that these functions read; `DictionaryModel` of kind 'bank' has it. */
export type BankState = Pick<DictionaryModel, "size" | "step" | "fill" | "rowStep" | "curve" | "probe">;

/** A bank whose rows have not arrived: `size` empty places, so that the figure stands before the data. */
export function emptyBank(size: number): BankState {
  return { size, step: 0, fill: 0, rowStep: new Uint32Array(size).fill(NEVER), curve: null, probe: null };
}

export interface AgeHistogram {
  /** Width of a bin in steps; bin b holds ages [b*width, (b+1)*width). */
  readonly width: number;
  readonly counts: Uint32Array;
  readonly never: number;
}

/** One row as the words and the card tell it. */
export interface RowFacts {
  readonly row: number;
  /** Step of the last write; null when never visited: then the row is the random start. */
  readonly written: number | null;
  readonly age: number | null;
  /** The age as a share of a pass over the data. */
  readonly passes: number | null;
  /** Measured consistency of rows of this age. */
  readonly consistency: number | null;
  /** Raw cosine with today's embedding, if the last probe took this very row since it was written. */
  readonly cosine: number | null;
}

/** Steps since the row was written, or null if it never was. */
export function ageOf(bank: BankState, row: number): number | null {
  const written = bank.rowStep[row];
  return written === undefined || written === NEVER ? null : Math.max(0, bank.step - written);
}

/** Steps it takes to visit every row once. */
export function stepsPerPass(bank: BankState, batch: number): number {
  return batch > 0 ? Math.ceil(bank.size / batch) : 0;
}

export function factsOf(bank: BankState, row: number, batch: number): RowFacts {
  const { curve, probe } = bank;
  const age = ageOf(bank, row);
  if (age === null) return { row, written: null, age, passes: null, consistency: null, cosine: null };
  const written = bank.step - age;
  const sampled = probe !== null && probe.step >= written ? probe.image.indexOf(row) : -1;
  return {
    row,
    written,
    age,
    passes: bank.size > 0 ? (age * batch) / bank.size : 0,
    consistency: curve ? interpolate(curve.age, curve.consistency, age) : null,
    cosine: sampled >= 0 ? (probe?.cosine[sampled] ?? null) : null,
  };
}

/** The curve at every age 0..oldest as 0..255, so that colouring a row is one look-up. Null without a curve. */
export function levelsByAge(curve: Pick<Curve, "age" | "consistency"> | null, oldest: number): Uint8Array | null {
  if (curve === null || curve.age.length === 0) return null;
  const levels = new Uint8Array(oldest + 1);
  // Ages and bins both ascend, so one walk along them does; beyond the bins the curve is flat.
  const last = curve.age.length - 1;
  let bin = 0;
  for (let age = 0; age <= oldest; age++) {
    while (bin < last && curve.age[bin + 1]! <= age) bin++;
    const from = curve.age[bin]!;
    const next = Math.min(last, bin + 1);
    const span = curve.age[next]! - from;
    const share = span > 0 ? Math.max(0, (age - from) / span) : 0;
    const value = curve.consistency[bin]! + share * (curve.consistency[next]! - curve.consistency[bin]!);
    levels[age] = Math.round(Math.min(1, Math.max(0, value)) * 255);
  }
  return levels;
}

/** Age of the oldest visited row; 0 when none was visited. */
export function oldestAge(bank: BankState): number {
  let first = bank.step;
  for (const written of bank.rowStep) if (written < first) first = written;
  return bank.step - first;
}

/** Rows from the freshest to the oldest, the never visited last; rows of one age stay in image order. */
export function orderByAge(bank: BankState): Uint32Array {
  const rows = bank.rowStep.length;
  const oldest = oldestAge(bank);
  const starts = new Uint32Array(oldest + 3);
  const slot = (written: number): number => (written === NEVER ? oldest + 1 : Math.max(0, bank.step - written));
  for (const written of bank.rowStep) starts[slot(written) + 1]! += 1;
  for (let age = 1; age < starts.length; age++) starts[age]! += starts[age - 1]!;
  const order = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) {
    const age = slot(bank.rowStep[row]!);
    order[starts[age]!] = row;
    starts[age]! += 1;
  }
  return order;
}

/** `count` entries of an order at equal distances, the first and the last among them. */
export function spread(order: Uint32Array, count: number): Uint32Array {
  const kept = Math.min(count, order.length);
  return Uint32Array.from({ length: kept }, (_, place) =>
    kept === 1 ? order[0]! : order[Math.round((place * (order.length - 1)) / (kept - 1))]!,
  );
}

/** How many rows have which age, in at most `bins` bins of a round width. */
export function ageHistogram(bank: BankState, bins: number): AgeHistogram {
  const oldest = oldestAge(bank);
  const width = roundUp((oldest + 1) / bins);
  const counts = new Uint32Array(Math.max(1, Math.ceil((oldest + 1) / width)));
  let never = 0;
  for (const written of bank.rowStep) {
    if (written === NEVER) never += 1;
    else counts[Math.floor(Math.max(0, bank.step - written) / width)]! += 1;
  }
  return { width, counts, never };
}

/** The next of 1, 2, 5, 10, 20, 50 ... */
export function roundUp(value: number): number {
  const base = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return [1, 2, 5, 10].map((factor) => factor * base).find((round) => round >= value) ?? 10 * base;
}
