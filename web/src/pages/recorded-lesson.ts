/** The lesson page with recordings behind its figures: no request goes anywhere but to their files. */

import { html } from "lit";
import type { Catalog, LessonName } from "../api.js";
import { RecordedPart } from "../model/recorded-part.js";
import { type Recording, RecordingError } from "../wire/recording.js";
import { LESSONS, type LessonContext, NAMES } from "./context.js";
import "../elements/recording-bar.js";

/** Sections within this of the window begin to download. */
const NEAR = "600px";

export class RecordedLesson {
  private readonly parts: Record<LessonName, RecordedPart>;
  private observer: IntersectionObserver | null = null;
  /** The one file that was given, when it was one. */
  private readonly single: RecordedPart | null = null;

  /** `address` is of one .sbr file, or of a folder with bank.sbr, belt.sbr and matrix.sbr. */
  constructor(
    address: string,
    private readonly changed: () => void,
  ) {
    const url = addressOf(address);
    if (url.pathname.endsWith(".sbr")) {
      const single = this.part(url, nameOf);
      this.single = single;
      this.parts = { bank: single, belt: single, matrix: single };
    } else {
      if (!url.pathname.endsWith("/")) url.pathname += "/";
      const of = (name: LessonName) => this.part(new URL(`${name}.sbr`, url), (recording) => only(name, recording));
      this.parts = { bank: of("bank"), belt: of("belt"), matrix: of("matrix") };
    }
  }

  /** What the newest of the recordings says of figures and settings. */
  get catalog(): Catalog | null {
    return NAMES.map((name) => this.parts[name].recording?.catalog).find((catalog) => catalog) ?? null;
  }

  context(name: LessonName): LessonContext {
    const part = this.parts[name];
    const bar = html`<recording-bar .source=${part} label=${LESSONS[name].title}></recording-bar>`;
    return { view: part.view, atlas: part.atlas, catalog: part.recording?.catalog ?? this.catalog, bar };
  }

  /** Begin: a part is downloaded when its section, in `page`, comes near the window. */
  open(page: Element): void {
    if (this.single) {
      void this.openSingle(this.single, page);
      return;
    }
    this.observer = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          if (isIntersecting) void this.parts[target.id as LessonName].load();
        }
      },
      { rootMargin: NEAR },
    );
    for (const name of NAMES) {
      const section = page.querySelector(`#${name}`);
      if (section) this.observer.observe(section);
    }
  }

  close(): void {
    this.observer?.disconnect();
    for (const name of NAMES) this.parts[name].close();
  }

  /** One file: the section of its method plays it, the others have none. */
  private async openSingle(single: RecordedPart, page: Element): Promise<void> {
    await single.load();
    if (!single.recording) return;
    const mine = nameOf(single.recording);
    for (const name of NAMES) {
      if (name !== mine) this.parts[name] = this.part(null, nameOf);
    }
    this.changed();
    if (!location.hash && scrollY === 0) page.querySelector(`#${mine}`)?.scrollIntoView();
  }

  private part(url: URL | null, judge: (recording: Recording) => LessonName): RecordedPart {
    const part = new RecordedPart(url, (recording) => LESSONS[judge(recording)]);
    let { view } = part;
    part.addEventListener("change", () => {
      if (part.view === view) return;
      view = part.view;
      // The prose reads the run's knobs; ticks are the figures' own business.
      part.view.addEventListener("status", this.changed);
      this.changed();
    });
    return part;
  }
}

function addressOf(text: string): URL {
  const url = URL.canParse(text, document.baseURI) ? new URL(text, document.baseURI) : null;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new RecordingError(`There is no recording at “${text}”: that is no address of a web page.`);
}

/** The section that shows runs of the recording's method. */
function nameOf({ run }: Recording): LessonName {
  const name = NAMES.find((lesson) => LESSONS[lesson].method === run.method);
  if (!name) throw new RecordingError(`this page has no figure for runs of the method ${run.method}`);
  return name;
}

function only(name: LessonName, recording: Recording): LessonName {
  if (nameOf(recording) === name) return name;
  throw new RecordingError(
    `it holds a run of the method ${recording.run.method}, and this part shows ${LESSONS[name].method}`,
  );
}
