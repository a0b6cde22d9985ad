/** The lesson page: finds the three runs that the service offers and gives each section its own. */

import { html, LitElement, nothing, render, type TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { ApiError, type Catalog, getCatalog, type LessonName } from "../api.js";
import { keptRecording } from "../kept.js";
import { Atlas } from "../model/atlas.js";
import { RunView } from "../model/run-view.js";
import { chooseTheme, onTheme, startTheme, theme } from "../theme.js";
import { backoff } from "../wire/socket.js";
import { bankSection } from "./bank-section.js";
import { beltSection } from "./belt-section.js";
import { fetchNear, LESSONS, type LessonContext, NAMES } from "./context.js";
import { matrixSection } from "./matrix-section.js";
import { findRun, namedRuns } from "./named-runs.js";
import type { OpeningLesson } from "./opening-lesson.js";
import { pageFoot, pageIntro } from "./page-frame.js";
import type { RecordedLesson } from "./recorded-lesson.js";
import "../elements/status-badge.js";

const QUERY = new URLSearchParams(location.search);
/** A recording to play instead of the service's runs: the address of a folder or of a file. */
const ASKED = QUERY.get("recording") ?? keptRecording();
const NAMED = namedRuns(QUERY);
/** No recorded moments first: a comparison trains at once, a run that the address names is shown at once, and `?live` asks for it. */
const LIVE = QUERY.has("live") || QUERY.has("compare") || Object.keys(NAMED).length > 0;
/** Where a static site keeps its recordings. */
const BESIDE = "recordings/";

@customElement("lesson-page")
export class LessonPage extends LitElement {
  @state() private catalog: Catalog | null = null;
  @state() private trouble: string | null = null;
  /** The section in the middle of the window: the header speaks of its run. */
  @state() private current: LessonName = "bank";
  @state() private contexts: Partial<Record<LessonName, LessonContext>> = {};

  private recorded: RecordedLesson | null = null;
  private opening: OpeningLesson | null = null;
  /** Settled once the code of the opening has come, or is known not to. */
  private begun: Promise<unknown> = Promise.resolve();
  private loading = false;
  /** Recordings lie beside the page and the service does not answer. */
  @state() private offer = false;
  private attempt = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private observer: IntersectionObserver | null = null;
  private near: IntersectionObserver | null = null;
  private sizes: ResizeObserver | null = null;
  private stopTheme: (() => void) | null = null;
  private readonly changed = () => this.requestUpdate();

  /** In the light: the page's own style sheet applies, and anchors and find-in-page work. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.stopTheme = onTheme(this.changed);
    if (ASKED !== null) {
      void this.replay(ASKED);
      return;
    }
    if (!LIVE) this.begun = this.begin().catch(() => undefined);
    void this.load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.retry);
    this.observer?.disconnect();
    this.near?.disconnect();
    this.sizes?.disconnect();
    this.stopTheme?.();
    this.recorded?.close();
    this.opening?.close();
    for (const context of Object.values(this.contexts)) context.view?.disconnect();
  }

  override firstUpdated(): void {
    // The sections did not exist yet when the browser looked for the address's #name.
    if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
    this.observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) if (entry.isIntersecting) this.current = entry.target.id as LessonName;
      },
      { rootMargin: "-45% 0px -45% 0px" },
    );
    for (const section of this.querySelectorAll("section.concept")) this.observer.observe(section);
    this.near = fetchNear(this);
    this.sizes = new ResizeObserver((entries) => {
      for (const { target } of entries) {
        const figure = target as HTMLElement;
        figure.style.setProperty("--figure-height", `${figure.offsetHeight}px`);
      }
    });
    for (const figure of this.querySelectorAll("section.concept > .figure")) this.sizes.observe(figure);
  }

  protected override render(): TemplateResult {
    const here = this.context(this.current);
    const catalog = this.recorded?.catalog ?? this.catalog;
    return html`
      <header class="top">
        <div>
          <a class="brand" href="#top">sushi<span>belt</span></a>
          <nav aria-label="Concepts">
            ${NAMES.map(
              (name) =>
                html`<a href="#${name}" aria-current=${name === this.current ? "true" : nothing}><span class="long">${LESSONS[name].title}</span><span class="short" aria-hidden="true">${LESSONS[name].short}</span></a>`,
            )}
          </nav>
          <div class="end">
            <status-badge .view=${here.view}></status-badge>
            <button
              class="theme"
              type="button"
              aria-label="Switch to ${theme() === "dark" ? "light" : "dark"} colours"
              title="Light or dark"
              @click=${() => chooseTheme(theme() === "dark" ? "light" : "dark")}
            >
              <span aria-hidden="true">${theme() === "dark" ? "☀" : "☾"}</span>
            </button>
          </div>
        </div>
      </header>
      <main id="top">
        ${pageIntro({ catalog, trouble: this.trouble, offer: this.offer ? BESIDE : null, recorded: ASKED !== null, moments: this.opening?.any ?? false })}
        ${bankSection(this.context("bank"))} ${beltSection(this.context("belt"))}
        ${matrixSection(this.context("matrix"))}
      </main>
      ${pageFoot(catalog, ASKED !== null)}
    `;
  }

  private context(name: LessonName): LessonContext {
    const moment = this.recorded?.context(name) ?? this.opening?.context(name);
    return moment ?? this.contexts[name] ?? { view: null, catalog: this.catalog, atlas: null };
  }

  /** Each figure opens on a recorded moment, until the reader asks for the live run. */
  private async begin(): Promise<void> {
    const { OpeningLesson } = await import("./opening-lesson.js");
    const first = NAMES.find((name) => location.hash === `#${name}`) ?? "bank";
    this.opening = new OpeningLesson(first, this.changed, () => void this.load());
  }

  /** Until the service answers, ask again: the page may be older than the service. */
  private async load(): Promise<void> {
    if (this.loading) return;
    this.loading = true;
    clearTimeout(this.retry);
    try {
      const catalog = await getCatalog();
      this.catalog = catalog;
      this.trouble = null;
      const atlases = new Map<string, Atlas>();
      await Promise.all(NAMES.map((name) => this.open(name, catalog, atlases)));
    } catch (error) {
      this.trouble = noService(error) ? "No service answers here." : (error as ApiError).message;
      if (this.attempt === 0 && noService(error)) this.offer = await liesBeside(`${BESIDE}belt.sbr`);
      this.retry = setTimeout(() => void this.load(), backoff(this.attempt));
      this.attempt += 1;
    } finally {
      this.loading = false;
    }
  }

  private async replay(address: string): Promise<void> {
    try {
      const { RecordedLesson } = await import("./recorded-lesson.js");
      this.recorded = new RecordedLesson(address, this.changed);
      this.requestUpdate();
      await this.updateComplete;
      this.recorded.open(this);
    } catch (error) {
      const unknown = "The player did not load. Reload the page.";
      this.trouble = error instanceof Error && error.name === "RecordingError" ? error.message : unknown;
    }
  }

  private async open(name: LessonName, catalog: Catalog, atlases: Map<string, Atlas>): Promise<void> {
    const id = catalog.lessons[name];
    if (!id || this.contexts[name]) return;
    const { run, notice } = await findRun(name, NAMED[name], id);
    const info = catalog.images.find((set) => set.name === run.config.images);
    let atlas = info ? (atlases.get(info.name) ?? null) : null;
    if (info && !atlas) {
      atlas = new Atlas(info);
      atlases.set(info.name, atlas);
    }
    const { sections, rate, dictionary } = LESSONS[name];
    const view = new RunView(run.id, { sections, rate, dictionary }, run);
    // The prose reads the run's knobs; ticks are the figures' own business.
    view.addEventListener("status", this.changed);
    const context: LessonContext = { view, catalog, atlas, notice };
    this.contexts = { ...this.contexts, [name]: context };
    // Hidden until a figure says that it is on screen, so that three runs do not share one laptop unseen.
    view.setVisible(false);
    await this.begun;
    if (!(await this.opening?.offer(name, context))) view.connect();
  }
}

/** Nobody answers, or a plain file server does, which knows nothing of the service's calls. */
function noService(error: unknown): boolean {
  return !(error instanceof ApiError) || error.code === "offline" || error.code === "error";
}

async function liesBeside(path: string): Promise<boolean> {
  try {
    const answer = await fetch(new URL(path, document.baseURI), { method: "HEAD" });
    // A host that answers every address with its start page has no recording there.
    return answer.ok && !answer.headers.get("content-type")?.includes("html");
  } catch {
    return false;
  }
}

/** Escape closes the innermost part that was opened around the focus, and the focus goes back to what opened it. */
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  const part = event.composedPath().find((node) => node instanceof HTMLDetailsElement && node.open);
  if (!(part instanceof HTMLDetailsElement)) return;
  part.open = false;
  part.querySelector("summary")?.focus();
});

startTheme();
// For a projector: `?present` makes all of it larger, see page.css.
document.documentElement.toggleAttribute("data-present", new URLSearchParams(location.search).has("present"));
const page = document.querySelector("#page");
if (page) render(html`<lesson-page></lesson-page>`, page as HTMLElement);
