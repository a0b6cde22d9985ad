import { html, LitElement, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import type { Catalog } from "../api.js";
import { type BeltScene, beltCapacity, paintBelt, plateAt, plateRadius } from "../draw/belt-canvas.js";
import { BeltTrack } from "../draw/belt-track.js";
import { type PlateLook, plateLook } from "../draw/plate.js";
import { PlateRack } from "../draw/plate-rack.js";
import { token } from "../draw/tokens.js";
import type { Atlas } from "../model/atlas.js";
import { BeltMotion, type Plate } from "../model/belt.js";
import { type BeltLayout, type Box, layBelt, pointAt } from "../model/belt-path.js";
import { percent, steps } from "../model/format.js";
import { factsOfKey } from "../model/key-facts.js";
import { Pace } from "../model/pace.js";
import { JUMP, OnScreenController, RunController, WORDS } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { count, fixed } from "../model/say.js";
import { type Part, partTaken } from "../model/step-parts.js";
import type { Term } from "../model/terms.js";
import { calm, onCalm } from "../motion.js";
import { nextFrame } from "../next-frame.js";
import { onTheme } from "../theme.js";
import { beltStageStyles } from "./belt-stage.styles.js";
import { house } from "./house.js";
import { keyCard, keyCardStyles } from "./key-card.js";

type BeltPart = "query" | "kitchen" | "belt" | "leaving";

/** What of the figure a part of a step is about. */
const ABOUT: Partial<Record<Part, readonly BeltPart[]>> = {
  follow: ["kitchen"],
  encode: ["query", "kitchen"],
  compare: ["query", "belt"],
  gradient: ["query"],
  enqueue: ["kitchen", "belt", "leaving"],
};

/**
 * The belt itself: kitchen, track, plates, end. Place is age, colour is measured consistency at that age.
 *
 * @slot inside - the room inside the belt (above it where the belt is folded)
 */
@customElement("belt-stage")
export class BeltStage extends LitElement {
  static override styles = [house, keyCardStyles, beltStageStyles];

  @property({ attribute: false }) view: RunView | null = null;
  @property({ attribute: false }) catalog: Catalog | null = null;
  @property({ attribute: false }) atlas: Atlas | null = null;
  /** Set while the text speaks of the queue, which is drawn here: its rails light up. The boxes are outlined instead. */
  @property() lit: Term | null = null;

  @state() private hovered: number | null = null;
  @state() private layout: BeltLayout = layBelt(900);

  @query("canvas") private canvas!: HTMLCanvasElement;
  @query(".card") private card!: HTMLElement | null;

  private readonly motion = new BeltMotion();
  private marked: { key: string; marks: BeltScene["marks"] } = { key: "", marks: [] };
  /** Whether less motion is asked for: kept, for it is asked every frame. */
  private still = false;
  private track = new BeltTrack();
  private rack = new PlateRack();
  private look: PlateLook | null = null;
  private readonly pace = new Pace();
  private frame: (() => void) | null = null;
  private jump: ReturnType<typeof setTimeout> | undefined;
  private last = 0;
  private followed: RunView | null = null;
  private followedAtlas: Atlas | null = null;
  private stops: (() => void)[] = [];
  private readonly follow = () => {
    if (this.view) this.motion.follow(this.view.dictionary);
    this.wake();
  };
  private readonly wake = () => this.schedule();
  /** Out of sight nothing moves, even while something else wants the run's ticks. */
  private readonly screen = new OnScreenController(
    this,
    () => this.view,
    (visible) => visible && this.requestUpdate(),
  );
  private readonly paper = () => this.draw(performance.now());

  constructor() {
    super();
    new RunController(
      this,
      () => this.view,
      ["tick", "status"],
      () => this.screen.visible,
      WORDS,
    );
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const resize = new ResizeObserver(([entry]) => entry && this.resize(entry.contentRect.width));
    resize.observe(this);
    const reduced = () => {
      this.still = calm(this);
      this.motion.setDiscrete(this.still);
    };
    reduced();
    // Printed whole, whether or not it was ever scrolled to.
    addEventListener("beforeprint", this.paper);
    this.stops = [
      () => removeEventListener("beforeprint", this.paper),
      () => resize.disconnect(),
      onCalm(reduced),
      onTheme(() => {
        this.look = null;
        this.schedule();
      }),
    ];
    this.listen();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const stop of this.stops) stop();
    this.frame?.();
    clearTimeout(this.jump);
    this.frame = null;
    this.jump = undefined;
    this.followed?.removeEventListener("tick", this.follow);
    this.followedAtlas?.removeEventListener("load", this.wake);
    this.followed = this.followedAtlas = null;
  }

  override willUpdate(): void {
    if (this.isConnected) this.listen();
  }

  /** At once, not first as wide as a guess: what frames this page is told its height. */
  override firstUpdated(): void {
    this.resize(this.getBoundingClientRect().width);
  }

  override updated(changed: Map<string, unknown>): void {
    if (changed.has("layout")) this.lay();
    this.schedule();
  }

  /** Put the boxes where the belt leaves room for them. */
  private lay(): void {
    const { layout } = this;
    this.toggleAttribute("narrow", layout.narrow);
    this.place(".query", layout.query);
    this.place(".kitchen", layout.kitchen);
    this.place(".leaving", layout.leaving);
    const room = this.renderRoot.querySelector<HTMLElement>(".inside");
    if (layout.inside) this.place(".inside", layout.inside);
    else room?.removeAttribute("style");
    const arrow = this.renderRoot.querySelector<HTMLElement>(".arrow");
    if (arrow) {
      const from = layout.query.y + layout.query.height;
      this.place(".arrow", {
        x: layout.query.x + layout.query.width / 2,
        y: from,
        width: 0,
        height: layout.kitchen.y - from,
      });
    }
    this.renderRoot.querySelector<HTMLElement>(".stage")?.style.setProperty("height", `${layout.height}px`);
  }

  override render() {
    const { view } = this;
    const momentum = view?.knob("momentum");
    const share = typeof momentum === "number" ? 1 - momentum : null;
    const gap = view?.scalar("query_key_gap") ?? null;
    const oldest = view?.scalar("oldest_age") ?? null;
    const full = view?.dictionary.ready && view.dictionary.fill >= view.dictionary.size;
    const facts = view && this.hovered !== null ? factsOfKey(view.dictionary, this.hovered) : null;
    const thick = share === null ? 1.5 : 1.5 + 4.5 * share;
    return html`
      <div class="inside"><slot name="inside"></slot></div>
      <div class="stage">
        <canvas
          role="img"
          aria-label="The belt: plates ride from the kitchen to the end as their keys age"
          @pointermove=${this.point}
          @pointerdown=${this.point}
          @pointerleave=${this.leave}
          @contextrestored=${this.restore}
        ></canvas>
        <div class="box query ${this.isLit("query")}"><b>Query encoder</b></div>
        <div class="arrow" aria-hidden="true">
          <svg width="18" height="100%" viewBox="0 0 18 30" preserveAspectRatio="none">
            <line x1="9" y1="2" x2="9" y2="22" stroke="var(--ink-soft)" stroke-width=${thick}></line>
            <path d="M2.5 20 L9 29 L15.5 20 Z" fill="var(--ink-soft)"></path>
          </svg>
          <span>${share === null ? "" : share === 1 ? "copied each step" : html`follows ${percent(share)} a step`}</span>
        </div>
        <div class="box kitchen ${this.isLit("kitchen")}">
          <i aria-hidden="true"></i>
          <b>Key encoder</b>
          <span
            >${
              gap === null
                ? "never trained"
                : html`<figure-tip .catalog=${this.catalog} .view=${view} name="query_key_gap">${fixed(gap, 3)} alike</figure-tip>`
            }</span
          >
        </div>
        <div class="box leaving ${this.isLit("leaving")}">
          <b>Leaving</b>
          <span
            >${oldest === null || !full ? "none yet" : html`<figure-tip .catalog=${this.catalog} name="oldest_age">${steps(oldest)} old</figure-tip>`}</span
          >
        </div>
        ${facts ? html`<div class="card">${keyCard(facts, this.atlas, this.catalog)}</div>` : nothing}
      </div>
    `;
  }

  /** The class of a part that the step in slow motion is at. */
  private isLit(part: BeltPart): "lit" | "" {
    const taken = partTaken(this.view);
    return taken && ABOUT[taken]?.includes(part) ? "lit" : "";
  }

  /** Plates on show and keys they stand for, for the line of text below. */
  get stride(): number {
    return this.motion.stride;
  }

  /** Pixels a second that a plate rides; none while the belt jumps. */
  get speed(): number {
    const { view } = this;
    const size = view?.dictionary.size ?? 0;
    if (this.still || view?.status !== "live" || size === 0) return 0;
    const rate = view.scalar("steps_per_second") ?? 0;
    return ((rate * (view.scalar("batch_size") ?? 0)) / size) * this.layout.length;
  }

  private place(selector: string, box: Box): void {
    const element = this.renderRoot.querySelector<HTMLElement>(selector);
    if (!element) return;
    element.style.left = `${box.x}px`;
    element.style.top = `${box.y}px`;
    element.style.width = `${box.width}px`;
    element.style.height = `${box.height}px`;
  }

  private listen(): void {
    if (this.view !== this.followed) {
      this.followed?.removeEventListener("tick", this.follow);
      this.view?.addEventListener("tick", this.follow);
      this.followed = this.view;
      this.follow();
    }
    if (this.atlas !== this.followedAtlas) {
      this.followedAtlas?.removeEventListener("load", this.wake);
      this.atlas?.addEventListener("load", this.wake);
      this.followedAtlas = this.atlas;
    }
  }

  private resize(width: number): void {
    if (width <= 0 || Math.abs(width - this.layout.width) < 1) return;
    const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
    // A piece that must be low is drawn smaller: see embed/piece.styles.ts.
    const scale = Number(token(this, "--belt-scale")) || 1;
    this.layout = layBelt(width, rem * scale);
  }

  private schedule(): void {
    if (!this.isConnected || !this.screen.visible || this.frame || this.jump !== undefined) return;
    const gap = this.still && this.hovered === null ? JUMP : this.pace.gap;
    const wait = gap - (performance.now() - this.last);
    if (wait > 0 && this.last > 0) {
      this.jump = setTimeout(() => {
        this.jump = undefined;
        this.frame = nextFrame((now) => this.draw(now));
      }, wait);
      return;
    }
    this.frame = nextFrame((now) => this.draw(now));
  }

  private draw(now: number): void {
    this.frame = null;
    const context = this.canvas.getContext("2d");
    if (!context) return;
    const { layout } = this;
    const ratio = Math.min(3, devicePixelRatio || 1);
    const [width, height] = [Math.round(layout.width * ratio), Math.round(layout.height * ratio)];
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);

    this.motion.setCapacity(beltCapacity(layout));
    if (this.view) this.motion.follow(this.view.dictionary);
    const moving = this.motion.advance(Math.min(200, now - this.last));
    this.pace.note(now - this.last, now);
    this.last = now;
    this.look ??= plateLook(this);
    paintBelt(context, this.scene());
    this.moveCard();
    if (moving) this.schedule();
  }

  private scene(): BeltScene {
    const dictionary = this.view?.dictionary ?? null;
    return {
      layout: this.layout,
      motion: this.motion,
      atlas: this.atlas,
      look: this.look!,
      track: this.track,
      rack: this.rack,
      ratio: Math.min(3, devicePixelRatio || 1),
      consistency: (plate: Plate) => dictionary?.consistencyAt(Math.max(0, dictionary.step - plate.step)) ?? null,
      speed: this.speed,
      hovered: this.hovered,
      marks: this.marks(),
      fontSize: ageSize(this.layout),
      lit: this.lit === "queue" || this.isLit("belt") !== "",
    };
  }

  /** Ages written beside the belt, at quarters of the queue; worded anew only when they change. */
  private marks(): BeltScene["marks"] {
    const size = this.view?.dictionary.size ?? 0;
    const batch = this.view?.scalar("batch_size") ?? 0;
    if (!size || !batch || size / batch < 8) return [];
    const { narrow } = this.layout;
    const key = `${size} ${batch} ${narrow}`;
    if (key !== this.marked.key) {
      const marks = [0.25, 0.5, 0.75].map((place) => {
        const age = Math.round((place * size) / batch);
        // In the turn there is room for the number only: the curve's end is beside it.
        return { place: (age * batch) / size, text: narrow || place === 0.5 ? count(age) : `${count(age)} steps` };
      });
      this.marked = { key, marks };
    }
    return this.marked.marks;
  }

  private point(event: PointerEvent): void {
    const plate = plateAt({ layout: this.layout, motion: this.motion }, event.offsetX, event.offsetY);
    const serial = plate?.serial ?? null;
    if (serial !== this.hovered) this.hovered = serial;
    if (serial === null) this.removeAttribute("over");
    else this.setAttribute("over", "queue" satisfies Term);
  }

  /** The browser lost what was drawn, and what was kept to be copied. */
  private restore(): void {
    this.track = new BeltTrack();
    this.rack = new PlateRack();
    this.schedule();
  }

  private leave(): void {
    this.hovered = null;
    this.removeAttribute("over");
  }

  /** The card rides with its plate. */
  private moveCard(): void {
    const plate = this.motion.plates.find(({ serial }) => serial === this.hovered);
    if (this.hovered !== null && (!plate || plate.place > 1)) this.hovered = null;
    if (!this.card || !plate) return;
    const { x, y } = pointAt(this.layout, plate.place);
    const clear = plateRadius(this.layout) * 1.3;
    const left = Math.max(0, Math.min(this.layout.width - this.card.offsetWidth, x - this.card.offsetWidth / 2));
    // Away from the meter: above the upper half of the belt, below the lower.
    const above = y < this.layout.height * 0.55 ? y - clear - this.card.offsetHeight : y + clear;
    this.card.style.left = `${left}px`;
    this.card.style.top = `${above}px`;
  }
}

/** Type of the ages beside the belt, in pixels. A folded belt has little room between its lanes, and none when it is low. */
function ageSize({ half, narrow }: BeltLayout): number {
  return narrow ? Math.max(8, half * 0.38) : Math.max(10, half * 0.27);
}

declare global {
  interface HTMLElementTagNameMap {
    "belt-stage": BeltStage;
  }
}
