/** Why consistency, and not the raw drift cosine, is the meter: the two numbers it is made from, and the reason. */
import type { Scalars } from "../wire/frames.js";

export interface RawCosine {
  /** Mean drift cosine, a key with its own re-encoding. */
  readonly same: number;
  /** Mean cosine of a key with the re-encoding of another entry. */
  readonly other: number;
  /** Keys sampled, and the step of the probe. */
  readonly sampled: number;
  readonly step: number;
}

/** What the newest probe found; null before the first. Stands also where consistency has no value: then both are 1. */
export function rawCosineOf(scalars: Scalars | undefined): RawCosine | null {
  const { drift_cosine: same, other_cosine: other, probe_n: sampled, probe_step: step } = scalars ?? {};
  if (same == null || other == null || sampled == null || step == null) return null;
  return { same, other, sampled, step };
}

export const WHY_NOT_RAW =
  "An encoder that maps everything to one point makes every raw cosine 1, though its keys tell nothing apart; so what " +
  "different entries agree by is taken off. In a trial on CIFAR-10 (K = 4,096, 400 steps, one seed) m = 0.5 read " +
  "0.79 raw, and its consistency was 0.16.";
