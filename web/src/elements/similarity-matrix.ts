import { html, LitElement, nothing, type PropertyValues } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { ApiError, type Catalog } from "../api.js";
import type { Atlas } from "../model/atlas.js";
import { positiveOf } from "../model/matrix.js";
import { MatrixStore } from "../model/matrix-store.js";
import { JUMP, OnScreenController, RunController } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { count } from "../model/say.js";
import { withScreenFigures } from "../model/screen-figures.js";
import { partTaken } from "../model/step-parts.js";
import { VIEW_SWITCHES } from "../model/view-switches.js";
import { calm } from "../motion.js";
import type { RunEvent } from "../wire/messages.js";
import { controlsStyles } from "./controls.styles.js";
import { house } from "./house.js";
import { bankStyles } from "./memory-bank.styles.js";
import { playKey } from "./play-key.js";
import { matrixStyles } from "./similarity-matrix.styles.js";
import { cellCard } from "./similarity-matrix-card.js";
import { distributions, distributionWords } from "./similarity-matrix-charts.js";
import type { Cell } from "./similarity-matrix-map.js";
import { matrixStats } from "./similarity-matrix-stats.js";
import { cellSentence, matrixSentence, matrixTable } from "./similarity-matrix-words.js";
import { sparklineStyles } from "./sparkline.js";
import "./figure-tip.js";
import "./knob-slider.js";
import "./knob-switch.js";
import "./plain-photo.js";
import "./ramp-strip.js";
import "./similarity-matrix-map.js";
import "./similarity-matrix-views.js";
import "./spoken-summary.js";
import "./status-badge.js";
import "./transport-bar.js";

const EXAMPLES = 6;
const CLOSE = 8;
const WORDS = "Similarity matrix: every view of the batch compared with every other";

/**
 * The similarity matrix of the batch that SimCLR has just trained on: positives blue, everything else a negative.
 * Which changes make a second view is in the reader's hand.
 */
@customElement("similarity-matrix")
export class SimilarityMatrix extends LitElement {
  static override styles = [house, controlsStyles, bankStyles, sparklineStyles, matrixStyles];

  @property({ attribute: false }) view: RunView | null = null;
  @property({ attribute: false }) catalog: Catalog | null = null;
  @property({ attribute: false }) atlas: Atlas | null = null;

  @state() private close = true;
  @state() private table = false;
  @state() private pointed: Cell | null = null;
  @state() private picked: Cell | null = null;
  @state() private problem = "";
  /** What a step of the arrow keys came to, for those who listen. */
  @state() private walked = "";

  private readonly store = new MatrixStore();
  private figures: Catalog = withScreenFigures(null);
  /** A switch was turned here while the run stood still: one step shows what it does. */
  private stepWanted = false;
  /** Width for the distributions, in CSS pixels: their text keeps its size on a phone. */
  private room = 560;
  private readonly resize = new ResizeObserver(([entry]) => {
    const width = entry?.contentRect.width ?? 0;
    const room = Math.round(Math.max(280, width > 760 ? width * 0.6 : width - 32));
    if (Math.abs(room - this.room) < 4) return;
    this.room = room;
    this.requestUpdate();
  });
  private readonly tick = () => {
    // Every tick, not only the drawn ones: most carry no matrix.
    if (this.view?.tick) this.store.take(this.view.tick);
  };
  private readonly event = (event: Event) => {
    const { type } = (event as CustomEvent<RunEvent>).detail;
    if (type === "reset") this.store.clear();
    if (type === "knobs" && this.stepWanted) {
      this.stepWanted = false;
      void this.command("step", { steps: 1 });
    }
  };

  constructor() {
    super();
    const screen = new OnScreenController(
      this,
      () => this.view,
      (visible) => visible && this.requestUpdate(),
    );
    new RunController(
      this,
      () => this.view,
      ["tick", "status"],
      () => screen.visible,
      () => (calm(this) ? JUMP : 0),
    );
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.resize.observe(this);
    this.follow(this.view);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.resize.disconnect();
    this.unfollow(this.view);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("catalog")) this.figures = withScreenFigures(this.catalog);
    if (!changed.has("view")) return;
    this.unfollow(changed.get("view") ?? null);
    this.store.clear();
    this.follow(this.view);
  }

  private follow(view: RunView | null): void {
    this.unfollow(view);
    view?.addEventListener("tick", this.tick);
    view?.addEventListener("event", this.event);
    view?.watch(["matrix", "views"]);
    this.tick();
  }

  private unfollow(view: RunView | null): void {
    view?.removeEventListener("tick", this.tick);
    view?.removeEventListener("event", this.event);
  }

  private get marked(): Cell {
    const cell = this.pointed ?? this.picked;
    const size = 2 * this.store.images;
    if (cell && cell.row < size && cell.column < size) return cell;
    return { row: 0, column: positiveOf(0, Math.max(1, this.store.images)) };
  }

  protected override render() {
    return html`
      <div class="whole" part="figure" role="group" aria-label=${WORDS} @keydown=${this.space}>
        <spoken-summary text=${matrixSentence(this.view, this.store)}></spoken-summary>
        <span class="heard walked" role="status">${this.walked}</span>
        <div class="body">
        ${this.header()}
        <div class="main">
          <div>${this.map()} ${this.legend()}</div>
          <div class="side">
            ${cellCard(this.store, this.marked, this.figures, this.atlas)} ${this.augmentations()}
          </div>
        </div>
        </div>
        ${this.controls()}
        <div class="body below">
        <div class="readings two">
          <div class=${partTaken(this.view) === "gradient" ? "lit" : ""}>
            <h3>Positives and negatives pull apart</h3>
            ${distributions(this.store.summary, this.room)} ${distributionWords(this.store.summary, this.figures)}
          </div>
          ${matrixStats(this.view, this.figures, this.store.images)}
        </div>
        ${this.table ? matrixTable(this.store) : nothing}
        </div>
      </div>
    `;
  }

  private header() {
    const { images, step } = this.store;
    const what = images
      ? `${2 * images} × ${2 * images} cosines of step ${count(step)}. Blue: two views of one image.`
      : this.view?.recorded
        ? "No matrix at this moment"
        : "The first matrix is on its way. Blue: two views of one image.";
    return html`<div class="head">
      <h3>${what}</h3>
      <status-badge .view=${this.view}></status-badge>
      <div class="segments" role="group" aria-label="How many images to show">
        ${[true, false].map(
          (close) =>
            html`<button type="button" aria-pressed=${this.close === close} @click=${() => {
              this.close = close;
            }}>${close ? `First ${CLOSE}` : `All ${images || ""}`}</button>`,
        )}
      </div>
    </div>`;
  }

  private map() {
    const shown = this.close ? Math.min(CLOSE, this.store.images || CLOSE) : this.store.images || CLOSE;
    const part = partTaken(this.view);
    const edge = part === "encode" ? "lit" : "";
    return html`<div class="frame ${part === "compare" ? "lit" : ""}">
      <div class="across ${edge}" aria-hidden="true"><span>view 1</span><span>view 2</span></div>
      <div class="down ${edge}" aria-hidden="true"><span>view 1</span><span>view 2</span></div>
      <similarity-matrix-map
        .store=${this.store}
        .version=${this.store.version}
        .atlas=${this.atlas}
        .shown=${shown}
        .marked=${this.store.matrix ? this.marked : null}
        .label=${`${WORDS}. Arrow keys walk the cells.`}
        @cell-point=${(event: CustomEvent<{ cell: Cell | null }>) => {
          this.pointed = event.detail.cell;
        }}
        @cell-pick=${(event: CustomEvent<{ cell: Cell | null; walked: boolean }>) => {
          this.picked = event.detail.cell;
          this.pointed = null;
          this.walked = event.detail.walked ? cellSentence(this.store, this.marked) : "";
        }}
        @focusout=${() => {
          this.walked = "";
        }}
      ></similarity-matrix-map>
    </div>`;
  }

  private legend() {
    return html`<p class="legend soft" part="words">
      <span>positive −1 <ramp-strip kind="positive"></ramp-strip> 1</span>
      <span>negative −1 <ramp-strip kind="negative"></ramp-strip> 1</span>
      <span>hatched: itself</span>
    </p>`;
  }

  private augmentations() {
    const { pictures } = this.store;
    const kept = Math.min(EXAMPLES, pictures?.count ?? 0);
    return html`<div>
      <h3 id="differ">What may differ between the two views</h3>
      <div class="switches" role="group" aria-labelledby="differ" @click=${this.touched}>
        ${VIEW_SWITCHES.map(
          ([knob, label]) => html`<knob-switch .view=${this.view} knob=${knob} label=${label}></knob-switch>`,
        )}
      </div>
      <div class="views ${partTaken(this.view) === "views" ? "lit" : ""}" role="img" aria-label="The two views of the first images of the newest batch">
        ${(kept ? [0, 1] : []).map(
          (view) =>
            html`<span>view ${view + 1}</span>${Array.from(
              { length: kept },
              (_, image) =>
                html`<similarity-matrix-view .pictures=${pictures} .view=${view} .image=${image} fluid .size=${56}></similarity-matrix-view>`,
            )}`,
        )}
      </div>
      <p class="soft">${pictures ? `Batch of step ${count(pictures.step)}.` : "The views come with the first batch."}${this.view?.fixed ? nothing : " While paused, a switch takes one step to show its views."}</p>
    </div>`;
  }

  private controls() {
    const { view } = this;
    return html`<div class="controls" part="controls">
      <transport-bar .view=${view} .catalog=${this.catalog} .atlas=${this.atlas}></transport-bar>
      <details>
        <summary>More</summary>
        <div class="more">
          <knob-slider .view=${view} knob="temperature" label="Temperature" scale="log" .min=${0.01} .max=${2} .ticks=${[0.05, 0.1, 0.5, 1]}></knob-slider>
          ${view?.fixed ? nothing : this.newSeed()}
          <button type="button" aria-pressed=${this.table} @click=${() => {
            this.table = !this.table;
          }}>${this.table ? "Hide the table" : "Show as a table"}</button>
        </div>
      </details>
      ${this.problem ? html`<p class="problem" role="alert">${this.problem}</p>` : nothing}
    </div>`;
  }

  private newSeed() {
    const reset = () => this.command("reset", { seed: Math.floor(Math.random() * 1_000_000) });
    return html`<button type="button" @click=${reset}>New seed</button>`;
  }

  private readonly touched = () => {
    this.stepWanted = this.view?.status === "paused";
  };

  private readonly space = (event: KeyboardEvent) => {
    if (playKey(event)) void this.renderRoot.querySelector("transport-bar")?.toggle();
  };

  private async command(name: "reset" | "step", args: Readonly<Record<string, number>>): Promise<void> {
    this.problem = "";
    try {
      await this.view?.command(name, args);
    } catch (error) {
      this.problem = error instanceof ApiError ? error.message : String(error);
    }
  }
}
