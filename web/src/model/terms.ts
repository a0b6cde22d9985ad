/**
 * The parts that the lesson's text, its formulas and its figures share: one table says where in a section's figure each
 * is drawn. Selectors are searched through shadow roots, below the section's `.figure`.
 */

import type { LessonName } from "../api.js";

export type Term =
  | "query"
  | "key encoder"
  | "queue"
  | "leaving"
  | "momentum"
  | "row"
  | "consistency"
  | "positive"
  | "negative"
  | "diagonal"
  | "temperature"
  | "loss";

type Places = Partial<Record<Term, readonly string[]>>;

/** The matrix has all of its cells on one canvas: a kind of cell is shown by its legend, and by where it is summed up. */
export const PLACES: Readonly<Record<LessonName, Places>> = {
  bank: {
    row: ["memory-bank-wall", ".faces"],
    momentum: ["knob-slider[knob=momentum]"],
    consistency: ["consistency-meter"],
  },
  belt: {
    query: [".box.query"],
    "key encoder": [".box.kitchen"],
    queue: ["key-strip"],
    leaving: [".box.leaving"],
    momentum: ["knob-slider[knob=momentum]", ".arrow"],
    consistency: ["consistency-meter"],
  },
  matrix: {
    positive: [".legend span:has([kind=positive])"],
    negative: [".legend span:has([kind=negative])"],
    diagonal: [".legend span:nth-child(3)"],
    loss: [".stat:first-child"],
    temperature: [".controls details"],
  },
};

/** A part of a tree as far as terms need it: an element or anything shaped like one. */
export interface Place {
  matches?(selector: string): boolean;
}

/** The term that the innermost place of an event's path belongs to; null where it belongs to none. */
export function termAt(lesson: LessonName, path: readonly Place[]): Term | null {
  for (const place of path) {
    for (const [term, selectors] of Object.entries(PLACES[lesson])) {
      if (selectors.some((selector) => place.matches?.(selector))) return term as Term;
    }
  }
  return null;
}
