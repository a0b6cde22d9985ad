/** The moments that the untouched page opens on, each from a small file beside the page, and the way to the live runs. */

import { html } from "lit";
import type { LessonName } from "../api.js";
import { Atlas } from "../model/atlas.js";
import { OpeningView } from "../model/opening-view.js";
import { fetchRecording } from "../wire/recording.js";
import { LESSONS, type LessonContext, NAMES } from "./context.js";
import "../elements/opening-bar.js";

interface Opening {
  view: OpeningView;
  moment: LessonContext;
  /** The service's own pictures, once they are all here: the file holds only those in sight. */
  atlas: Atlas | null;
  live: LessonContext | null;
}

export class OpeningLesson {
  private readonly openings: Partial<Record<LessonName, Opening>> = {};
  private readonly coming = {} as Record<LessonName, Promise<Opening | null>>;
  private readonly stop = new AbortController();

  /**
   * Fetches the moments, that of `first` first; all of them, for the service may be gone when the reader comes to the
   * next. `changed` hears when `context` has something else to say, `retry` when the reader wants the service asked again.
   */
  constructor(
    first: LessonName,
    private readonly changed: () => void,
    private readonly retry: () => void,
  ) {
    let before: Promise<unknown> = Promise.resolve();
    for (const name of [first, ...NAMES.filter((name) => name !== first)]) {
      this.coming[name] = before.then(() => this.fetch(name));
      before = this.coming[name];
    }
  }

  /** There is a moment at all. */
  get any(): boolean {
    return Object.keys(this.openings).length > 0;
  }

  /** What the section shows: the moment, after it the live run; null where there is no moment to show. */
  context(name: LessonName): LessonContext | null {
    const opening = this.openings[name];
    if (!opening) return null;
    const { view, moment, atlas, live } = opening;
    const bar = html`<opening-bar lesson=${name} .view=${view}></opening-bar>`;
    if (view.phase === "over" && live) return { ...live, bar };
    return { ...moment, catalog: live?.catalog ?? moment.catalog, atlas: atlas ?? moment.atlas, bar };
  }

  /** The live run has been found. False where no moment stands before it, and it is to be shown at once. */
  async offer(name: LessonName, live: LessonContext): Promise<boolean> {
    const opening = await this.coming[name];
    if (!opening || !live.view) return false;
    opening.live = live;
    opening.view.offer(live.view);
    if (live.atlas?.set.digest === opening.moment.atlas?.set.digest) this.gather(opening, live.atlas);
    this.changed();
    return true;
  }

  close(): void {
    this.stop.abort();
    for (const opening of Object.values(this.openings)) opening.view.disconnect();
  }

  /** A moment that cannot be had is none: the page then goes straight to the live run. */
  private async fetch(name: LessonName): Promise<Opening | null> {
    try {
      const recording = await fetchRecording(
        new URL(`opening/${name}.sbr`, document.baseURI),
        this.stop.signal,
        () => undefined,
      );
      if (recording.run.method !== LESSONS[name].method) return null;
      const { catalog } = recording;
      const set = catalog.images.find((one) => one.name === recording.run.config.images);
      const view = new OpeningView(recording, LESSONS[name]);
      const atlas = set ? new Atlas(set, (page) => recording.sheet(page)) : null;
      const opening: Opening = { view, moment: { view, catalog, atlas }, atlas: null, live: null };
      view.addEventListener("over", this.changed);
      view.addEventListener("retry", this.retry);
      view.connect();
      this.openings[name] = opening;
      this.changed();
      return opening;
    } catch {
      return null;
    }
  }

  private gather(opening: Opening, atlas: Atlas | null): void {
    const pages = atlas?.set.page_count ?? 0;
    const look = () => {
      const missing = Array.from({ length: pages }, (_, page) => atlas?.sheet(page * atlas.perPage)).includes(null);
      if (missing || !atlas) return;
      atlas.removeEventListener("load", look);
      opening.atlas = atlas;
      this.changed();
    };
    atlas?.addEventListener("load", look);
    look();
  }
}
