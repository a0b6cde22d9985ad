/** What can be compared side by side: two runs that differ in one thing, and the words for it. */

import type { Catalog, KnobValue, LessonName, Run } from "../api.js";

export type PairName = "momentum" | "dictionary" | "head";

/** A figure that both sides show, on an axis from 0 to 1. */
export interface Meter {
  /** Name in the catalog. */
  figure: "consistency" | "accuracy";
  title: string;
  /** Scalar that says at which step it was taken. */
  at: "probe_step" | "batch_step";
  /** What it is taken over, given n. */
  over: (n: string) => string;
  definition: string;
}

export interface Side {
  label: string;
  values: Readonly<Record<string, KnobValue>>;
}

export interface Pair {
  lesson: LessonName;
  title: string;
  /** The one thing that differs, and what does not. */
  intro: string;
  meter: Meter;
  sides: readonly [Side, Side];
  /** What may be read off two losses. */
  losses: string;
  /** What to look for. */
  look: string;
}

/** Steps of each run: it ends by itself, also where nobody closes it. */
export const STEPS = 400;

const CONSISTENCY: Meter = {
  figure: "consistency",
  title: "Consistency",
  at: "probe_step",
  over: (n) => `n = ${n} entries over all ages`,
  definition:
    "Stored entries against the same views encoded now, corrected for chance: 1 in tune, 0 no better than chance.",
};

const ACCURACY: Meter = {
  figure: "accuracy",
  title: "Contrastive accuracy",
  at: "batch_step",
  over: (n) => `n = ${n} views of one batch`,
  definition: "The share of views whose partner scores above all negatives of the batch.",
};

/** `count`: images of the set, which is how many rows a bank has. */
export function pairOf(name: PairName, count: number): Pair {
  switch (name) {
    case "momentum":
      return {
        lesson: "belt",
        title: "Momentum 0.99 beside 0.5",
        intro: "Two queues of 4,096 keys. Seed, batches, views and every other setting are the same.",
        meter: CONSISTENCY,
        sides: [
          { label: "Momentum 0.99", values: { method: "moco", momentum: 0.99, queue_length: 4096 } },
          { label: "Momentum 0.5", values: { method: "moco", momentum: 0.5, queue_length: 4096 } },
        ],
        losses: "One method and one K, so the two losses may be compared.",
        look: "Watch the lines part while the first keys age; then ask which side’s loss is lower, and whether that settles it.",
      };
    case "dictionary":
      return {
        lesson: "bank",
        title: "Bank beside queue",
        intro:
          `${count.toLocaleString("en")} entries each, on the same batches and views. An entry waits about as long in either; ` +
          "it is the hand that wrote it that differs: the encoder of that step, or a slow follower. The bank’s rows are replaced whole here, not blended.",
        meter: CONSISTENCY,
        sides: [
          { label: "Bank", values: { method: "memory_bank", momentum: 0 } },
          { label: "Queue", values: { method: "moco", momentum: 0.99, queue_length: Math.min(65_536, count) } },
        ],
        losses:
          "Losses of different methods, or of different K, are not comparable: each is read against its own chance level.",
        look: "The ages are nearly the same. Which side’s entries still agree with today’s encoder?",
      };
    case "head":
      return {
        lesson: "matrix",
        title: "With head beside without",
        intro: "SimCLR on the same batches and views, with its two-layer projection head and with none.",
        meter: ACCURACY,
        sides: [
          { label: "With head", values: { method: "simclr", head: "mlp" } },
          { label: "Without", values: { method: "simclr", head: "none" } },
        ],
        losses:
          "One method and one batch size, so the two losses may be compared. Neither says how good the features are.",
        look: "The matrix task is only the exercise. Evaluate both to see what the layer below the head has learned.",
      };
  }
}

/** The body of POST /runs for a side: the lesson's own images, seed and batch, and a name that says what it is. */
export function bodyOf(pair: Pair, side: Side, lesson: Run): Record<string, KnobValue | null> {
  const { images, seed, batch_size } = lesson.config;
  return {
    images: images ?? "sushi",
    seed: seed ?? 0,
    batch_size: batch_size ?? 64,
    steps: STEPS,
    ...side.values,
    name: `Side by side: ${side.label} (${pair.title})`,
  };
}

/** Images of the set that a run trains on; 0 where the catalog does not know yet. */
export function countOf(catalog: Catalog | null, run: Run | null): number {
  return catalog?.images.find(({ name }) => name === run?.config.images)?.count ?? 0;
}
