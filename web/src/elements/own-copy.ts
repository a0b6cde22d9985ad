import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { ApiError, forkRun, type LessonName } from "../api.js";
import { RunController } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { count } from "../model/say.js";
import { house } from "./house.js";

/**
 * Below a live figure: the way to a run of one's own, which goes on from here and which nobody else steers by chance,
 * and, on such a run, its address and the way back.
 */
@customElement("own-copy")
export class OwnCopy extends LitElement {
  @property({ attribute: false }) view: RunView | null = null;
  @property() lesson: LessonName = "belt";
  /** Why the run that the address names is not shown. */
  @property() notice = "";

  @state() private copying = false;
  @state() private problem = "";
  @state() private said = "";

  constructor() {
    super();
    new RunController(this, () => this.view, ["status"]);
  }

  static override styles = [
    house,
    css`
      :host {
        display: block;
        margin-top: 0.75rem;
      }
      .line {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.4rem 1rem;
        margin: 0;
        font-size: var(--text-s);
        color: var(--ink-soft);
      }
      .line span {
        flex: 1 1 16rem;
      }
      a {
        color: inherit;
      }
      .problem {
        margin: 0.4rem 0 0;
        font-size: var(--text-s);
        color: var(--bad);
      }
    `,
  ];

  protected override render(): TemplateResult | typeof nothing {
    const { view } = this;
    if (!view?.run || view.opening || view.recorded) return nothing;
    return html`<div role="group" aria-label="Whose run this is">
      ${view.run.lesson === this.lesson ? this.shared() : this.mine(view)}
      <p class="heard" role="status">${this.said}</p>
      ${this.problem || this.notice ? html`<p class="problem" role="alert">${this.problem || this.notice}</p>` : nothing}
    </div>`;
  }

  private shared(): TemplateResult {
    return html`<p class="line">
      <span>Everyone who opens this page steers this one run.</span>
      <button type="button" aria-disabled=${this.copying} @click=${this.copy}>
        ${this.copying ? "Copying" : "Make a copy of my own"}
      </button>
    </p>`;
  }

  private mine(view: RunView): TemplateResult {
    const from = view.run?.parent_step;
    return html`<p class="line">
      <span>${typeof from === "number" ? `A copy that went its own way at step ${count(from)}.` : `The run ${view.runId}.`} Whoever has this page’s address sees it.</span>
      <button type="button" @click=${this.copyAddress}>Copy the address</button>
      <a href=${addressOf(this.lesson, null)}>Back to the lesson’s run</a>
    </p>`;
  }

  private readonly copy = async () => {
    const { view } = this;
    if (!view || this.copying) return;
    this.copying = true;
    this.problem = "";
    try {
      const { id } = await forkRun(view.runId);
      location.assign(addressOf(this.lesson, id));
    } catch (error) {
      this.problem = error instanceof ApiError ? error.message : String(error);
      this.copying = false;
    }
  };

  private readonly copyAddress = async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      this.said = "The address is copied.";
    } catch {
      // No permission, or no https: the address bar has it.
      this.problem = "The browser does not let the page copy. The address is in its address bar.";
    }
  };
}

/** The page's address with that run in the lesson's place; null: with the lesson's own. */
export function addressOf(lesson: LessonName, run: string | null, here = location.href): string {
  const url = new URL(here);
  for (const name of ["compare", "live"]) url.searchParams.delete(name);
  if (run) url.searchParams.set(lesson, run);
  else {
    url.searchParams.delete(lesson);
    url.searchParams.set("live", "");
  }
  url.hash = lesson;
  return url.href;
}

declare global {
  interface HTMLElementTagNameMap {
    "own-copy": OwnCopy;
  }
}
