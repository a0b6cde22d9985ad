import { html, type TemplateResult } from "lit";
import type { Catalog, LessonName, Method } from "../api.js";
import type { Atlas } from "../model/atlas.js";
import type { RunView, RunViewOptions } from "../model/run-view.js";

/** What a lesson's section is drawn from. All null until the catalog has come: a section must stand without. */
export interface LessonContext {
  view: RunView | null;
  catalog: Catalog | null;
  atlas: Atlas | null;
  /** A recording's controls, below the figure. */
  bar?: TemplateResult;
}

interface Lesson extends RunViewOptions {
  title: string;
  short: string;
  method: Method;
}

export const LESSONS: Readonly<Record<LessonName, Lesson>> = {
  bank: {
    title: "Memory bank",
    short: "Bank",
    method: "memory_bank",
    sections: ["dict"],
    rate: 10,
    dictionary: "bank",
  },
  belt: {
    title: "Momentum and the queue",
    short: "Queue",
    method: "moco",
    sections: ["dict"],
    rate: 20,
    dictionary: "queue",
  },
  matrix: {
    title: "Similarity matrix",
    short: "Matrix",
    method: "simclr",
    sections: ["matrix", "views"],
    rate: 4,
    dictionary: "queue",
  },
};
export const NAMES = Object.keys(LESSONS) as LessonName[];

/** A lesson's experiments. Their code comes when they are near the window; until then the words inside stand there. */
export function experiments(lesson: LessonName, view: RunView | null, catalog: Catalog | null): TemplateResult {
  return html`<lesson-experiments lesson=${lesson} .view=${view} .catalog=${catalog}
    >The experiments load as you come near.</lesson-experiments
  >`;
}

/** Fetch the experiments once one of the elements in `page` comes near; try again at the next if that failed. */
export function fetchNear(page: Element): IntersectionObserver {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      void import("../elements/lesson-experiments.js").then(
        () => observer.disconnect(),
        () => undefined,
      );
    },
    { rootMargin: "400px" },
  );
  for (const element of page.querySelectorAll("lesson-experiments")) observer.observe(element);
  return observer;
}
