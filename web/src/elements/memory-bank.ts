import { html, LitElement, nothing, type PropertyValues } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { ApiError, type Catalog } from "../api.js";
import type { Atlas } from "../model/atlas.js";
import {
  ageHistogram,
  ageOf,
  type BankState,
  emptyBank,
  factsOf,
  oldestAge,
  orderByAge,
  spread,
  stepsPerPass,
} from "../model/bank.js";
import { JUMP, OnScreenController, RunController } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { count } from "../model/say.js";
import { withScreenFigures } from "../model/screen-figures.js";
import { partTaken } from "../model/step-parts.js";
import { calm } from "../motion.js";
import { onTheme, theme } from "../theme.js";
import { u32 } from "../wire/frames.js";
import { controlsStyles } from "./controls.styles.js";
import { house } from "./house.js";
import { bankStyles } from "./memory-bank.styles.js";
import { rowCard } from "./memory-bank-card.js";
import { ageChart } from "./memory-bank-chart.js";
import { harm, harmStyles } from "./memory-bank-harm.js";
import { bankSentence, bankTable, rowSentence } from "./memory-bank-words.js";
import { playKey } from "./play-key.js";
import { sparklineStyles } from "./sparkline.js";
import "./consistency-meter.js";
import "./figure-tip.js";
import "./knob-slider.js";
import "./memory-bank-photo.js";
import "./memory-bank-wall.js";
import "./ramp-strip.js";
import "./spoken-summary.js";
import "./status-badge.js";
import "./transport-bar.js";

const FACES = 12;
const WORDS = "A wall of ID photos: every row of the memory bank";

/**
 * The memory bank of a run that is really training: every row a cell, coloured by measured consistency.
 *
 * Place is the image (or the age), colour is consistency; the batch that is visited flashes back while the
 * rest goes stale.
 */
@customElement("memory-bank")
export class MemoryBank extends LitElement {
  static override styles = [house, controlsStyles, bankStyles, sparklineStyles, harmStyles];

  @property({ attribute: false }) view: RunView | null = null;
  @property({ attribute: false }) catalog: Catalog | null = null;
  @property({ attribute: false }) atlas: Atlas | null = null;

  @state() private order: "image" | "age" = "image";
  @state() private close = false;
  @state() private table = false;
  @state() private pointed: number | null = null;
  @state() private picked: number | null = null;
  @state() private problem = "";
  /** What a step of the arrow keys came to, for those who listen. */
  @state() private walked = "";

  private figures: Catalog = withScreenFigures(null);
  private waiting: BankState = emptyBank(0);
  private stopTheme: (() => void) | undefined;
  private drawnStep = 0;
  private freshAge = 0;

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
    this.stopTheme = onTheme(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stopTheme?.();
  }

  private get batch(): number {
    return this.view?.scalar("batch_size") ?? 64;
  }

  /** The rows, or as many empty places before they come and while a reset run fills them again. */
  private get bank(): BankState {
    const bank = this.view?.dictionary;
    if (bank?.ready) return bank;
    const set = this.catalog?.images.find((info) => info.name === this.view?.run?.config.images);
    const size = set?.count ?? 8192;
    if (this.waiting.size !== size) this.waiting = emptyBank(size);
    return this.waiting;
  }

  private get ready(): boolean {
    return this.view?.dictionary.ready ?? false;
  }

  /** The row that the card tells of. Untouched, it follows one row through its life. */
  private get marked(): number {
    const { size } = this.bank;
    return Math.min(this.pointed ?? this.picked ?? Math.floor(size * 0.46), Math.max(0, size - 1));
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("catalog")) this.figures = withScreenFigures(this.catalog);
    const step = this.view?.dictionary.step ?? 0;
    if (step === this.drawnStep) return;
    // A tick may stand for several steps: all rows written since the last picture count as just written.
    this.freshAge = this.drawnStep > 0 ? Math.min(8, Math.max(0, step - this.drawnStep - 1)) : 0;
    this.drawnStep = step;
  }

  protected override render() {
    const { view } = this;
    return html`
      <div class="whole" part="figure" role="group" aria-label=${WORDS} @keydown=${this.space}>
        <spoken-summary text=${bankSentence(view)}></spoken-summary>
        <span class="heard walked" role="status">${this.walked}</span>
        <div class="body">${this.header()} ${this.wall()} ${this.faces()}</div>
        ${this.controls()}
        <div class="body below">
          <div class="readings">
            ${this.meter()} ${this.chart()} ${rowCard(this.facts(this.marked), this.atlas, this.figures, this.ready)}
            ${harm(view, this.figures)}
          </div>
          ${this.table && view ? bankTable(view) : nothing}
        </div>
      </div>
    `;
  }

  private header() {
    const rest = this.ready
      ? `Each step writes ${count(this.batch)} of them anew; the rest wait.`
      : this.view?.recorded
        ? "They come with the recording."
        : this.view?.run
          ? "They are being written for the first time."
          : "They come with the service.";
    const rows = `${count(this.bank.size)} rows, one an image. ${rest}`;
    return html`<div class="head">
      <h3>${rows}</h3>
      <status-badge .view=${this.view}></status-badge>
      ${this.segments("Order of the rows", this.order, { image: "By image", age: "By age" }, (value) => {
        this.order = value;
      })}
      ${this.segments("Distance", this.close ? "near" : "far", { far: "All", near: "Close-up" }, (value) => {
        this.close = value === "near";
      })}
    </div>`;
  }

  private segments<T extends string>(label: string, chosen: T, names: Record<T, string>, choose: (value: T) => void) {
    return html`<div class="segments" role="group" aria-label=${label}>
      ${(Object.keys(names) as T[]).map(
        (value) => html`<button type="button" aria-pressed=${value === chosen} @click=${() => choose(value)}>
          ${names[value]}
        </button>`,
      )}
    </div>`;
  }

  private wall() {
    const { bank, ready } = this;
    const never = ready ? bank.size - bank.fill : 0;
    // In slow motion: the rows of the step's batch, and the whole wall while it is compared with.
    const part = partTaken(this.view);
    return html`<div>
      <memory-bank-wall
        class=${part === "compare" ? "lit" : ""}
        .lit=${part && this.view?.tick ? u32(this.view.tick, "phase.image") : null}
        .bank=${bank}
        .version=${this.view?.dictionary.version ?? 0}
        .atlas=${this.atlas}
        .order=${this.order}
        .close=${this.close}
        .marked=${ready ? this.marked : null}
        .freshAge=${this.freshAge}
        .batch=${this.batch}
        .label=${ready ? `${WORDS}. Arrow keys walk the rows.` : WORDS}
        @row-point=${(event: CustomEvent<{ row: number | null }>) => {
          this.pointed = event.detail.row;
        }}
        @row-pick=${(event: CustomEvent<{ row: number | null; walked: boolean }>) => {
          this.picked = event.detail.row;
          this.pointed = null;
          this.walked = event.detail.walked ? rowSentence(this.facts(this.marked)) : "";
        }}
        @focusout=${() => {
          this.walked = "";
        }}
      ></memory-bank-wall>
      ${
        this.order === "age" && ready
          ? html`<div class="axis soft">
              <span>just written</span><span>${count(oldestAge(bank))} steps old${never > 0 ? ", then never visited" : ""}</span>
            </div>`
          : nothing
      }
      <p class="legend soft" part="words">
        <span><i class="fresh"></i>visited just now</span>
        <span>out of tune 0 <ramp-strip></ramp-strip> 1 in tune</span>
        ${ready ? html`<span class="sample">${this.sample()}</span>` : nothing}
        ${never > 0 ? html`<span><i class="never"></i>${count(never)} never visited, still random</span>` : nothing}
      </p>
    </div>`;
  }

  /** Whose consistency a cell's colour is: not each row is measured. */
  private sample(): string {
    const n = this.view?.scalar("probe_n") ?? null;
    if (n === null || !this.bank.curve) return "colour: not measured yet";
    return `colour: measured on ${count(n)} sampled rows; each row has the colour of its age`;
  }

  /** A few rows as photos: always the same people by image, or from the newest to the oldest photo by age. */
  private faces() {
    const { bank } = this;
    const rows =
      this.order === "age"
        ? spread(orderByAge(bank).slice(0, Math.max(1, bank.fill)), FACES)
        : Uint32Array.from({ length: FACES }, (_, place) => Math.floor(((place + 0.5) * bank.size) / FACES));
    return html`<ul class="faces" aria-label="Twelve rows as photos">
      ${[...rows].map((row) => {
        const facts = this.facts(row);
        const age = facts.age;
        const state = age === null ? "never" : age <= this.freshAge ? "fresh" : "known";
        return html`<li>
          <button type="button" aria-pressed=${row === this.marked} aria-label=${rowSentence(facts)} @click=${() => {
            this.picked = row;
          }}>
            <memory-bank-photo fluid .atlas=${this.atlas} .image=${row} .consistency=${facts.consistency} .state=${state}></memory-bank-photo>
            <span>${age === null ? "never" : age === 0 ? "now" : html`${count(age)}<small> ${age === 1 ? "step" : "steps"}</small>`}</span>
          </button>
        </li>`;
      })}
    </ul>`;
  }

  private meter() {
    return html`<consistency-meter
      .view=${this.view}
      .catalog=${this.catalog}
      label="Consistency of the bank"
    ></consistency-meter>`;
  }

  private chart() {
    const { bank } = this;
    return html`<div class="chart">
      <h3>Consistency by age, and rows of that age</h3>
      ${ageChart({
        curve: bank.curve,
        histogram: ageHistogram(bank, 40),
        pass: stepsPerPass(bank, this.batch),
        marked: ageOf(bank, this.marked),
        theme: theme(this),
      })}
    </div>`;
  }

  private controls() {
    const { view } = this;
    return html`<div class="controls" part="controls">
      <knob-slider .view=${view} knob="momentum" label="Row momentum m" scale="linear" .min=${0} .max=${0.95} .step=${0.05} .ticks=${[0, 0.5, 0.9]}></knob-slider>
      <transport-bar .view=${view} .catalog=${this.catalog} .atlas=${this.atlas}></transport-bar>
      <details>
        <summary>More</summary>
        <div class="more">
          <knob-slider .view=${view} knob="learning_rate" label="Learning rate: learn faster, rot faster" scale="log" .min=${0.005} .max=${0.5} .ticks=${[0.005, 0.03, 0.5]}></knob-slider>
          ${view?.fixed ? nothing : html`<button type="button" @click=${this.newSeed}>New seed</button>`}
          <button type="button" aria-pressed=${this.table} @click=${() => {
            this.table = !this.table;
          }}>${this.table ? "Hide the table" : "Show as a table"}</button>
        </div>
      </details>
      ${this.problem ? html`<p class="problem" role="alert">${this.problem}</p>` : nothing}
    </div>`;
  }

  private facts(row: number) {
    return factsOf(this.bank, row, this.batch);
  }

  private readonly space = (event: KeyboardEvent) => {
    if (playKey(event)) void this.renderRoot.querySelector("transport-bar")?.toggle();
  };

  private readonly newSeed = async () => {
    this.problem = "";
    try {
      await this.view?.command("reset", { seed: Math.floor(Math.random() * 1_000_000) });
    } catch (error) {
      this.problem = error instanceof ApiError ? error.message : String(error);
    }
  };
}
