import { html, LitElement, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import type { Catalog } from "../api.js";
import { FLOW } from "../draw/belt-canvas.js";
import type { Atlas } from "../model/atlas.js";
import { rate } from "../model/format.js";
import { BeltMemory } from "../model/ghost.js";
import { OnScreenController, RunController, WORDS } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { count } from "../model/say.js";
import { MOMENTUM_TICKS } from "../model/scales.js";
import type { BeltStage } from "./belt-stage.js";
import { beltSentence, beltTable } from "./belt-words.js";
import { controlsStyles } from "./controls.styles.js";
import { house } from "./house.js";
import { playKey } from "./play-key.js";
import { sushiBeltStyles } from "./sushi-belt.styles.js";
import type { TransportBar } from "./transport-bar.js";
import "./age-curve.js";
import "./belt-stage.js";
import "./consistency-meter.js";
import "./key-strip.js";
import "./knob-slider.js";
import "./spoken-summary.js";
import "./status-badge.js";
import "./transport-bar.js";

const QUEUE_TICKS = [64, 512, 4096, 65536];

/**
 * Momentum contrast, live: the key encoder as a kitchen, the queue as a belt, the meter inside it.
 * Every number is measured on the run; motion between ticks only moves plates.
 */
@customElement("sushi-belt")
export class SushiBelt extends LitElement {
  static override styles = [house, controlsStyles, sushiBeltStyles];

  @property({ attribute: false }) view: RunView | null = null;
  @property({ attribute: false }) catalog: Catalog | null = null;
  @property({ attribute: false }) atlas: Atlas | null = null;

  @state() private table = false;
  @query("belt-stage") private stage!: BeltStage | null;
  @query("transport-bar") private transport!: TransportBar;

  private readonly memory = new BeltMemory();
  private remembered: RunView | null = null;
  private readonly remember = () => {
    const { view } = this;
    if (!view) return;
    const { dictionary } = view;
    this.memory.note(
      view.scalar("momentum"),
      dictionary.step,
      view.scalar("oldest_age") ?? 0,
      view.scalar("consistency"),
      dictionary,
    );
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
      WORDS,
    );
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.remembered?.removeEventListener("tick", this.remember);
    this.remembered = null;
  }

  override willUpdate(): void {
    if (this.view === this.remembered) return;
    this.remembered?.removeEventListener("tick", this.remember);
    this.view?.addEventListener("tick", this.remember);
    this.remembered = this.view;
    this.memory.forget();
  }

  override render() {
    const { view, catalog, atlas } = this;
    const { ghost } = this.memory;
    const marks = [...this.memory.settled].filter(([momentum]) => momentum !== view?.knob("momentum"));
    return html`<div class="figure" part="figure" role="group" aria-label="The belt: a queue of keys in order of age" @keydown=${this.pressed}>
      ${this.trouble()}
      <div class="head">
        <h3>${this.boarding()}</h3>
        <status-badge .view=${view}></status-badge>
      </div>
      <belt-stage .view=${view} .catalog=${catalog} .atlas=${atlas}>
        <div slot="inside" class="inside">
          <consistency-meter
            label="Consistency of the belt"
            .view=${view}
            .catalog=${catalog}
            .marks=${marks}
          ></consistency-meter>
          <age-curve
            .curve=${view?.dictionary.curve ?? null}
            .ghost=${ghost && ghost.momentum !== view?.knob("momentum") ? ghost : null}
            .oldest=${this.ride}
          ></age-curve>
        </div>
      </belt-stage>
      <div class="all" part="strip">
        <div class="line">
          <span>${this.held()}</span>
          <span class="shown">${this.shown()}</span>
        </div>
        <key-strip .view=${view} .catalog=${catalog} .atlas=${atlas}></key-strip>
        <div class="line ends"><span>newest</span><span>oldest</span></div>
      </div>
      <div class="controls" part="controls">
        <knob-slider
          .view=${view}
          knob="momentum"
          label="Momentum m"
          scale="momentum"
          .max=${0.999}
          .ticks=${MOMENTUM_TICKS}
        ></knob-slider>
        <transport-bar .view=${view} .catalog=${catalog} .atlas=${atlas}></transport-bar>
        <details>
          <summary>More</summary>
          <div class="more">
            <knob-slider
              .view=${view}
              knob="queue_length"
              label="Queue length K"
              scale="powers"
              .min=${64}
              .max=${65536}
              .ticks=${QUEUE_TICKS}
            ></knob-slider>
          </div>
        </details>
      </div>
      <div class="words" part="words">
        <p class="soft">
          Place is age, colour is measured: how well keys of that age agree with the same views encoded now, corrected
          for chance.
          <button type="button" class="plain" aria-expanded=${this.table} @click=${() => (this.table = !this.table)}>
            ${this.table ? "Hide the numbers" : "The numbers as a table"}
          </button>
        </p>
        ${this.table && view ? beltTable(view) : nothing}
      </div>
      <spoken-summary .text=${beltSentence(view)}></spoken-summary>
    </div>`;
  }

  /** Steps that a key rides: the axis of the curve, whole even while the belt still fills. */
  private get ride(): number {
    const size = this.view?.dictionary.size ?? 0;
    const batch = this.view?.scalar("batch_size") ?? 0;
    const oldest = this.view?.scalar("oldest_age") ?? 0;
    return Math.max(oldest, size && batch ? Math.ceil(size / batch) - 1 : 1);
  }

  private trouble() {
    const { view } = this;
    if (view?.status === "offline") {
      return html`<p class="trouble" role="status">
        The service does not answer. ${view.tickAt > 0 ? "This is the last moment seen. " : ""}The page keeps asking.
      </p>`;
    }
    if (view?.status === "failed") {
      return html`<p class="trouble" role="alert">
        Training stopped: ${view.run?.reason ?? view.detail ?? "no reason was given"}. Reset starts it over.
      </p>`;
    }
    return nothing;
  }

  /** What a step does to the belt. */
  private boarding(): string {
    const batch = this.view?.scalar("batch_size") ?? null;
    if (batch === null) return "Each step fresh keys board, and the oldest leave.";
    const { fill, size } = this.view!.dictionary;
    return `Each step ${count(batch)} fresh keys board${fill < size ? "; once the belt is full," : ", and"} the ${count(batch)} oldest leave.`;
  }

  private held() {
    const dictionary = this.view?.dictionary;
    if (!dictionary?.ready) return "All keys, newest to oldest";
    const { fill, size } = dictionary;
    const rest =
      this.view?.run?.config.queue_start === "masked"
        ? "the empty places do not count yet"
        : "random vectors hold the other places: easy negatives, so the loss starts low and rises first";
    return fill < size
      ? html`<b>${count(fill)}</b> of ${count(size)} keys so far, newest to oldest; ${rest}`
      : html`All <b>${count(size)}</b> keys, newest to oldest`;
  }

  /** What the plates stand for, and how fast they go. */
  private shown() {
    const { view, stage } = this;
    if (!view?.dictionary.ready || !stage) return nothing;
    const parts = [];
    if (stage.stride > 1) parts.push(`1 plate of every ${count(stage.stride)} keys`);
    const perSecond = view.status === "live" ? view.scalar("steps_per_second") : null;
    const batch = view.scalar("batch_size");
    if (perSecond && batch) {
      const ride = view.dictionary.size / (perSecond * batch);
      parts.push(`${rate(perSecond)} steps a second, a key rides ${rate(ride)} s`);
      if (stage.speed > FLOW) parts.push("too fast for the eye: streaks show the flow");
    }
    return parts.join(" · ");
  }

  private pressed(event: KeyboardEvent): void {
    if (playKey(event)) void this.transport.toggle();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "sushi-belt": SushiBelt;
  }
}
