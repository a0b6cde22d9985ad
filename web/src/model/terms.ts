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
  | "loss"
  | "accuracy"
  | "augmentations"
  | "head"
  | "ID photo"
  | "gradient agreement";

type Places = Partial<Record<Term, readonly string[]>>;

export const PLACES: Readonly<Record<LessonName, Places>> = {
  bank: {
    row: ["memory-bank-wall", ".faces"],
    momentum: ["knob-slider[knob=momentum]"],
    consistency: ["consistency-meter"],
    "ID photo": ["figure-tip[name=id_photo]"],
    "gradient agreement": ["figure-tip[name=gradient_agreement]"],
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
    accuracy: [".stat:last-child"],
    augmentations: [".switches", ".views"],
    head: ["compare-opener[pair=head]"],
    temperature: [".controls details"],
  },
};

/**
 * Parts that have no element of their own because they are drawn: the element that draws them is told which is meant by
 * its attribute `lit`, and says by its attribute `over` which is under the pointer or the keyboard.
 */
export const DRAWN: Readonly<Record<LessonName, { by: string; terms: readonly Term[] }>> = {
  bank: { by: "memory-bank-wall", terms: [] },
  belt: { by: "belt-stage", terms: ["queue"] },
  matrix: { by: "similarity-matrix-map", terms: ["positive", "negative", "diagonal", "row"] },
};

/** Whether a term names a part of the section's figure at all. */
export function isShown(lesson: LessonName, term: Term): boolean {
  return term in PLACES[lesson] || DRAWN[lesson].terms.includes(term);
}

/** A part of a tree as far as terms need it: an element or anything shaped like one. */
export interface Place {
  matches?(selector: string): boolean;
  getAttribute?(name: string): string | null;
}

/** The drawn part that an event's path leads to; null where it leads to none. */
export function drawnAt(lesson: LessonName, path: readonly Place[]): Term | null {
  const { by, terms } = DRAWN[lesson];
  const over = path.find((place) => place.matches?.(by))?.getAttribute?.("over");
  return terms.find((term) => term === over) ?? null;
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
