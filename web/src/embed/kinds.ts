/** Which piece shows what: the tags, the lesson's run that each shows by itself, and the methods it can show. */

import type { LessonName, Method } from "../api.js";
import type { RunViewOptions } from "../model/run-view.js";

export type PieceTag = "sushi-belt" | "memory-bank" | "similarity-matrix" | "consistency-meter";

export interface PieceKind {
  lesson: LessonName;
  methods: readonly Method[];
  /** Sections of the wire that it draws. */
  sections: readonly string[];
  /** What it shows, for a frame's title. */
  title: string;
}

export const PIECES: Readonly<Record<PieceTag, PieceKind>> = {
  "sushi-belt": { lesson: "belt", methods: ["moco"], sections: ["dict"], title: "Momentum and the queue" },
  "memory-bank": { lesson: "bank", methods: ["memory_bank"], sections: ["dict"], title: "Memory bank" },
  "similarity-matrix": {
    lesson: "matrix",
    methods: ["simclr"],
    sections: ["matrix", "views"],
    title: "Similarity matrix",
  },
  "consistency-meter": { lesson: "belt", methods: ["moco", "memory_bank"], sections: [], title: "Consistency" },
};

export const isPiece = (tag: string): tag is PieceTag => tag in PIECES;

/** How a run of a method is watched, whatever pieces show it. Sections are asked for by each piece. */
export const WATCHED: Readonly<Record<Method, RunViewOptions>> = {
  memory_bank: { sections: [], rate: 10, dictionary: "bank" },
  moco: { sections: [], rate: 20, dictionary: "queue" },
  simclr: { sections: [], rate: 4, dictionary: "queue" },
};
