import { html, nothing, type TemplateResult } from "lit";
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
  /** Why the run that the address names is not shown. */
  notice?: string;
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

/** A copy of one's own, and the code that puts the figure on a page. A page that plays recordings has no service for these. */
export function takeAway(lesson: LessonName, { view, notice }: LessonContext): TemplateResult | typeof nothing {
  if (view?.recorded) return nothing;
  const named = view?.runId && view.run && view.run.lesson !== lesson ? `&run=${encodeURIComponent(view.runId)}` : "";
  return html`<own-copy lesson=${lesson} .view=${view} .notice=${notice ?? ""}></own-copy>
    <p class="share"><a href="share.html?piece=${lesson}${named}">Put this on your page</a></p>`;
}

/** What the first picture does without: its code comes when the element comes near, and until then its words stand there. */
const LATER: Readonly<Record<string, () => Promise<unknown>>> = {
  "lesson-experiments": () => import("../elements/lesson-experiments.js"),
  "own-copy": () => import("../elements/own-copy.js"),
  "score-card": () => import("../elements/score-card.js"),
  "sushi-belt": () => import("../elements/sushi-belt.js"),
  "similarity-matrix": () => import("../elements/similarity-matrix.js"),
};
const RETRY = 3_000;

/** Fetch the code of elements in `page` as they come within a window's height of the window; where it fails, again. */
export function fetchNear(page: Element): IntersectionObserver {
  const again = new Map<string, string | undefined>();
  const waiting = new Set(page.querySelectorAll(Object.keys(LATER).join()));
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target } of entries.filter(({ isIntersecting }) => isIntersecting)) {
        if (waiting.has(target)) void fetchFor(target);
      }
    },
    { rootMargin: "100% 0px" },
  );
  const fetchFor = async (target: Element) => {
    try {
      const address = again.get(target.localName);
      await (address ? import(/* @vite-ignore */ address) : LATER[target.localName]!());
      // One has fetched it for all of its name.
      for (const one of waiting) if (one.localName === target.localName && waiting.delete(one)) observer.unobserve(one);
    } catch (error) {
      again.set(target.localName, addressIn(error));
      observer.unobserve(target);
      setTimeout(() => waiting.has(target) && target.isConnected && observer.observe(target), RETRY);
    }
  };
  for (const element of waiting) observer.observe(element);
  return observer;
}

/** Where the code that failed to come is to be had, as a new address: browsers remember for good that an old one failed. */
function addressIn(error: unknown): string | undefined {
  const found = /https?:[^\s?]+/.exec(String(error));
  return found ? `${found[0]}?${Date.now()}` : undefined;
}
