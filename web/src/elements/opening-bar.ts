import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";
import type { LessonName } from "../api.js";
import type { OpeningView } from "../model/opening-view.js";
import { origin, point } from "../model/opening-words.js";
import { RunController } from "../model/run-controller.js";
import { house } from "./house.js";

/**
 * Below a figure that opens on a recorded moment: what it shows, how it was made, and the way to the live run.
 * It says how that goes while it lasts; afterwards only a screen reader finds it.
 */
@customElement("opening-bar")
export class OpeningBar extends LitElement {
  @property({ attribute: false }) view: OpeningView | null = null;
  @property() lesson: LessonName = "belt";

  /** The reader has pressed the button, and nothing has answered since. */
  private again = false;
  /** The focus was in here before the last render. */
  private held = false;

  constructor() {
    super();
    new RunController(this, () => this.view, ["status"]);
  }

  static override styles = [
    house,
    css`
      :host {
        position: sticky;
        bottom: 0;
        z-index: 5;
        margin-top: 0.75rem;
        padding-bottom: 0.5rem;
        background: linear-gradient(transparent 60%, var(--ground) 60%);
        container-type: inline-size;
      }
      @media print {
        :host {
          position: static;
        }
      }
      :host([over]) {
        position: absolute;
        padding: 0;
        margin: 0;
        background: none;
      }
      .bar {
        display: grid;
        grid-template:
          "point go" auto
          "origin go" auto
          "wait wait" auto / minmax(0, 1fr) auto;
        gap: 0.2rem 1rem;
        align-items: center;
        padding: 0.6rem 0.9rem;
        border: 1px solid var(--line);
        border-radius: var(--radius);
        background: var(--surface);
        box-shadow: 0 0.4rem 1.4rem var(--shade);
      }
      p {
        margin: 0;
      }
      b::before {
        content: "";
        display: inline-block;
        width: 0.55rem;
        height: 0.55rem;
        margin-right: 0.45rem;
        border-radius: 50%;
        background: var(--accent);
      }
      .point {
        grid-area: point;
      }
      .soft {
        grid-area: origin;
      }
      button {
        grid-area: go;
      }
      .waiting {
        grid-area: wait;
        font-size: var(--text-s);
      }
      .waiting:empty {
        display: none;
      }
      @container (max-width: 34rem) {
        .bar {
          grid-template-areas: "point point" "origin go" "wait wait";
          padding: 0.5rem 0.7rem;
        }
        p {
          font-size: var(--text-s);
          line-height: 1.35;
        }
      }
    `,
  ];

  protected override render(): TemplateResult {
    const { view } = this;
    if (!view?.tick || view.phase === "over") {
      return html`<p class="heard" role="status">${view?.phase === "over" ? "The figure is live now." : ""}</p>`;
    }
    const asked = view.phase === "asked";
    const { excuse } = view;
    const stuck = asked && excuse !== null;
    return html`<div class="bar" role="group" aria-label="A recorded moment">
      <p class="point"><b>Recorded</b> ${point(this.lesson, view)}</p>
      <p class="soft">${origin(view)}</p>
      <button type="button" class="primary" aria-disabled=${asked && !stuck} @click=${this.pressed}>
        ${stuck ? "Try again" : asked ? "Going live" : "Go live"}
      </button>
      <p class="waiting" role="status">${asked ? this.waiting(excuse) : nothing}</p>
    </div>`;
  }

  override willUpdate(): void {
    this.held = this.shadowRoot?.activeElement != null;
  }

  override updated(): void {
    const over = this.view?.phase === "over";
    if (over && !this.hasAttribute("over") && this.held) this.handFocusOn();
    this.toggleAttribute("over", over);
  }

  private waiting(excuse: string | null): string {
    if (excuse === null) return this.again ? "Trying again." : "Waiting for the live run’s first moment.";
    return `${excuse} The recorded moment stays; the live run takes its place as soon as it comes.`;
  }

  private readonly pressed = () => {
    const { view } = this;
    if (!view) return;
    this.again = view.phase === "asked";
    if (view.phase === "shown") view.ask();
    else if (view.excuse !== null) view.retry();
  };

  /** The button is gone: the next thing to press is the figure's own. */
  private handFocusOn(): void {
    const figure = this.parentElement?.firstElementChild;
    figure?.shadowRoot
      ?.querySelector("transport-bar")
      ?.shadowRoot?.querySelector("button")
      ?.focus({ preventScroll: true });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "opening-bar": OpeningBar;
  }
}
