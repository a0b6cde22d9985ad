import { html, LitElement, nothing, type PropertyValues } from "lit";
import { customElement, property, query } from "lit/decorators.js";
import type { Catalog } from "../api.js";
import type { Atlas } from "../model/atlas.js";
import { FlowRate } from "../model/flow-rate.js";
import { OnScreenController, RunController } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { count } from "../model/say.js";
import { SlowMotion } from "../model/slow-motion.js";
import { partTaken } from "../model/step-parts.js";
import { calm, onCalm } from "../motion.js";
import { house } from "./house.js";
import { stepByStepStyles } from "./step-by-step.styles.js";
import { foundIn } from "./step-found.js";

/**
 * A step in slow motion: its parts in a row, the present one marked, a sentence each, and what was measured in it.
 * Begins when it is put on the page; `leave()` before it is taken off.
 *
 * @fires left - the reader closed it; the run is as it was
 */
@customElement("step-by-step")
export class StepByStep extends LitElement {
  static override styles = [house, stepByStepStyles];

  @property({ attribute: false }) view: RunView | null = null;
  @property({ attribute: false }) catalog: Catalog | null = null;
  @property({ attribute: false }) atlas: Atlas | null = null;

  @query(".next") private nextButton!: HTMLButtonElement | null;

  private readonly rate = new FlowRate();
  private motion: SlowMotion | null = null;
  private followed: RunView | null = null;
  private readonly changed = () => this.requestUpdate();
  private readonly tick = () => {
    const { view } = this;
    if (view?.run?.state === "running" && view.tick) this.rate.note(view.tick.header.step);
    else this.rate.forget();
  };
  private stopCalm: (() => void) | null = null;
  private readonly stilled = () => {
    if (calm(this)) this.motion?.hold();
    this.requestUpdate();
  };

  constructor() {
    super();
    new RunController(this, () => this.view);
    // Nothing goes by itself where nobody looks.
    new OnScreenController(
      this,
      () => this.view,
      (seen) => !seen && document.visibilityState === "hidden" && this.motion?.hold(),
    );
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.stopCalm = onCalm(this.stilled);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stopCalm?.();
    this.motion?.hold();
    this.follow(null);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("view") && this.view !== this.followed) this.follow(this.view);
  }

  protected override firstUpdated(): void {
    this.nextButton?.focus({ preventScroll: true });
  }

  private follow(view: RunView | null): void {
    this.followed?.removeEventListener("tick", this.tick);
    this.motion?.removeEventListener("change", this.changed);
    this.followed = view;
    this.motion = null;
    if (!view) return;
    view.addEventListener("tick", this.tick);
    this.motion = new SlowMotion(
      view,
      this.parts.map(({ name }) => name),
      () => calm(this),
    );
    this.motion.addEventListener("change", this.changed);
    void this.motion.begin();
  }

  private get parts(): { name: string; sentence: string }[] {
    return this.catalog?.methods.find(({ name }) => name === this.view?.run?.method)?.phases ?? [];
  }

  protected override render() {
    const { view, motion } = this;
    if (!view || !motion) return nothing;
    return html`<div class="slow" role="group" aria-label="A step in slow motion" @keydown=${this.pressed}>
      ${motion.running ? this.atSpeed(view, motion) : this.inParts(view, motion)}
      ${motion.refusal ? html`<p class="refusal" role="alert">${motion.refusal}</p>` : nothing}
      ${view.viewers > 1 ? html`<p class="soft">${count(view.viewers)} are watching this run; all see the same step.</p>` : nothing}
    </div>`;
  }

  private inParts(view: RunView, motion: SlowMotion) {
    const part = partTaken(view);
    const step = view.scalar("phase_step") ?? (view.tick?.header.step ?? 0) + 1;
    const { parts } = this;
    const at = parts.findIndex(({ name }) => name === part);
    return html`<div class="head">
        <h4>Step ${count(step)} in ${parts.length} parts</h4>
        ${this.close()}
      </div>
      <ol>
        ${parts.map(
          ({ name }, place) =>
            html`<li class=${place < at ? "done" : ""} aria-current=${place === at ? "step" : nothing}>${title(name)}</li>`,
        )}
      </ol>
      <div class="both"><div class="say">
      <p class="sentence" role="status">${parts[at]?.sentence ?? "The run stands between two steps."}</p>
      <div class="bar" role="toolbar" aria-label="Slow motion">
        <button type="button" class="next" aria-keyshortcuts="ArrowRight" @click=${this.one}>
          ${at === parts.length - 1 ? "Next step" : "Next part"}
        </button>
        ${
          calm(this)
            ? nothing
            : html`<button type="button" aria-pressed=${motion.playing} @click=${() => (motion.playing ? motion.hold() : motion.play())}>
                ${motion.playing ? "Hold" : "By itself"}
              </button>`
        }
        <button type="button" class="primary" @click=${() => motion.toSpeed()}>Play at speed</button>
      </div></div>
      <div class="found">
        ${part && view.tick ? foundIn(part, view.tick, { view, catalog: this.catalog, atlas: this.atlas }) : nothing}
      </div></div>`;
  }

  private atSpeed(view: RunView, motion: SlowMotion) {
    const words = this.rate.words(view.scalar("steps_per_second"));
    return html`<div class="head"><h4>At speed</h4>${this.close()}</div>
      <p class="rate">${words ? `${words}.` : "The first pictures are on their way."}</p>
      <p class="soft">Each of these steps has the same ${this.parts.length} parts; they go by too fast for the eye.</p>
      <div class="bar"><button type="button" @click=${() => motion.again()}>Slow motion again</button></div>`;
  }

  private close() {
    return html`<button type="button" class="plain" @click=${this.leave}>Close</button>`;
  }

  /** Bring the run back to what it was and say so. */
  readonly leave = async () => {
    await this.motion?.leave();
    this.dispatchEvent(new CustomEvent("left", { bubbles: true, composed: true }));
  };

  private readonly one = () => {
    this.motion?.hold();
    void this.motion?.next();
  };

  private readonly pressed = (event: KeyboardEvent) => {
    if (event.key === "Escape") void this.leave();
    else if (event.key === "ArrowRight" && !this.motion?.running) this.one();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
}

const title = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

declare global {
  interface HTMLElementTagNameMap {
    "step-by-step": StepByStep;
  }
}
