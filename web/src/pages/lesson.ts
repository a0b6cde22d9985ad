/** The lesson page: finds the three runs that the service offers and gives each section its own. */

import { html, LitElement, nothing, render, type TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { ApiError, type Catalog, getCatalog, getRun, type LessonName, type Run } from "../api.js";
import { Atlas } from "../model/atlas.js";
import { RunView } from "../model/run-view.js";
import { chooseTheme, onTheme, startTheme, theme } from "../theme.js";
import { backoff } from "../wire/socket.js";
import { bankSection } from "./bank-section.js";
import { beltSection } from "./belt-section.js";
import type { LessonContext } from "./context.js";
import { matrixSection } from "./matrix-section.js";
import { pageFoot, pageIntro } from "./page-frame.js";
import "../elements/status-badge.js";

const LESSONS: Record<
  LessonName,
  { title: string; short: string; sections: string[]; rate: number; dictionary: "queue" | "bank" }
> = {
  bank: { title: "Memory bank", short: "Bank", sections: ["dict"], rate: 10, dictionary: "bank" },
  belt: { title: "Momentum and the queue", short: "Queue", sections: ["dict"], rate: 20, dictionary: "queue" },
  matrix: { title: "Similarity matrix", short: "Matrix", sections: ["matrix", "views"], rate: 4, dictionary: "queue" },
};
const NAMES = Object.keys(LESSONS) as LessonName[];

@customElement("lesson-page")
export class LessonPage extends LitElement {
  @state() private catalog: Catalog | null = null;
  @state() private trouble: string | null = null;
  /** The section in the middle of the window: the header speaks of its run. */
  @state() private current: LessonName = "bank";
  @state() private contexts: Partial<Record<LessonName, LessonContext>> = {};

  private attempt = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private observer: IntersectionObserver | null = null;
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
    void this.load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.retry);
    this.observer?.disconnect();
    this.sizes?.disconnect();
    this.stopTheme?.();
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
    this.sizes = new ResizeObserver((entries) => {
      for (const { target } of entries) {
        const figure = target as HTMLElement;
        figure.style.setProperty("--figure-height", `${figure.offsetHeight}px`);
      }
    });
    for (const figure of this.querySelectorAll("section.concept > .figure")) this.sizes.observe(figure);
  }

  protected override render(): TemplateResult {
    const here = this.contexts[this.current];
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
            <status-badge .view=${here?.view ?? null}></status-badge>
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
        ${pageIntro(this.catalog, this.trouble)} ${bankSection(this.context("bank"))} ${beltSection(this.context("belt"))}
        ${matrixSection(this.context("matrix"))}
      </main>
      ${pageFoot(this.catalog)}
    `;
  }

  private context(name: LessonName): LessonContext {
    return this.contexts[name] ?? { view: null, catalog: this.catalog, atlas: null };
  }

  /** Until the service answers, ask again: the page may be older than the service. */
  private async load(): Promise<void> {
    try {
      const catalog = await getCatalog();
      this.catalog = catalog;
      this.trouble = null;
      const atlases = new Map<string, Atlas>();
      await Promise.all(NAMES.map((name) => this.open(name, catalog, atlases)));
    } catch (error) {
      this.trouble = error instanceof ApiError ? error.message : String(error);
      this.retry = setTimeout(() => void this.load(), backoff(this.attempt));
      this.attempt += 1;
    }
  }

  private async open(name: LessonName, catalog: Catalog, atlases: Map<string, Atlas>): Promise<void> {
    const id = catalog.lessons[name];
    if (!id || this.contexts[name]) return;
    const run: Run = await getRun(id);
    const info = catalog.images.find((set) => set.name === run.config.images);
    let atlas = info ? (atlases.get(info.name) ?? null) : null;
    if (info && !atlas) {
      atlas = new Atlas(info);
      atlases.set(info.name, atlas);
    }
    const { sections, rate, dictionary } = LESSONS[name];
    const view = new RunView(id, { sections, rate, dictionary }, run);
    // The prose reads the run's knobs; ticks are the figures' own business.
    view.addEventListener("status", this.changed);
    this.contexts = { ...this.contexts, [name]: { view, catalog, atlas } };
    // Hidden until a figure says that it is on screen, so that three runs do not share one laptop unseen.
    view.setVisible(false);
    view.connect();
  }
}

startTheme();
const page = document.querySelector("#page");
if (page) render(html`<lesson-page></lesson-page>`, page as HTMLElement);
