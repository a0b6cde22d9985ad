import { css, html, LitElement, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { momentumText } from "../model/format.js";
import { RunController } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { count } from "../model/say.js";
import { makeScale, type Scale, type ScaleName } from "../model/scales.js";
import { house } from "./house.js";

/** Pixels of dragging for the whole scale. */
const REACH = 320;
const COMMIT_EVERY = 100;
/** Share of the scale that Page up and Page down go. */
const PAGE = 0.25;

/**
 * A number in a sentence that is a knob: drag it sideways, or use the arrow keys, Page up and down, Home and End. It is the same variable
 * as the slider's, so both move together.
 */
@customElement("drag-number")
export class DragNumber extends LitElement {
  @property({ attribute: false }) view: RunView | null = null;
  @property() knob = "";
  @property() label = "";
  @property() scale: ScaleName = "linear";
  @property({ type: Number }) min = 0;
  @property({ type: Number }) max = 1;
  @property({ type: Number }) step: number | undefined;
  @property({ attribute: false }) ticks: readonly number[] = [];
  @property({ attribute: false }) format: ((value: number) => string) | null = null;

  @state() private pending: number | null = null;
  /** Why the last change was not taken. */
  @state() private refusal = "";

  private grip: { x: number; place: number } | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private lastSent = 0;

  constructor() {
    super();
    new RunController(this, () => this.view, ["status"]);
  }

  static override styles = [
    house,
    css`
      :host {
        display: inline;
        font: inherit;
      }
      span {
        padding: 0.05em 0.1em;
        font-family: var(--sans);
        font-size: 0.94em;
        font-style: normal;
        font-weight: 700;
        color: var(--positive);
        border-bottom: 2px dotted var(--positive);
        cursor: ew-resize;
        touch-action: pan-y;
        user-select: none;
        white-space: nowrap;
      }
      span:hover {
        background: color-mix(in srgb, var(--positive) 10%, transparent);
      }
      b {
        font-size: var(--text-s);
        color: var(--bad);
      }
      span[aria-disabled="true"] {
        color: var(--ink-soft);
        border-color: var(--line-strong);
        cursor: default;
      }
    `,
  ];

  private get mapping(): Scale {
    return makeScale(this.scale, { min: this.min, max: this.max, step: this.step, ticks: this.ticks });
  }

  private get fixed(): boolean {
    return this.shown === null || !!this.view?.fixed;
  }

  private get shown(): number | null {
    if (this.pending !== null) return this.pending;
    const value = this.view?.knob(this.knob);
    return typeof value === "number" ? value : null;
  }

  override render() {
    const value = this.shown;
    const text = value === null ? "…" : this.write(value);
    return html`<span
      role="slider"
      tabindex="0"
      aria-label=${this.label}
      aria-valuemin=${this.min}
      aria-valuemax=${this.max}
      aria-valuenow=${value ?? this.min}
      aria-valuetext=${text}
      aria-disabled=${this.fixed}
      title=${this.fixed ? nothing : "Drag sideways to change it"}
      @pointerdown=${this.grab}
      @pointermove=${this.drag}
      @pointerup=${this.drop}
      @pointercancel=${this.drop}
      @keydown=${this.pressed}
      >${text}</span
    >${this.refusal ? html` <b role="alert">(${this.refusal})</b>` : nothing}`;
  }

  private write(value: number): string {
    if (this.format) return this.format(value);
    return this.scale === "powers" ? count(value) : momentumText(value);
  }

  private grab(event: PointerEvent): void {
    const value = this.shown;
    if (value === null || this.fixed) return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    this.grip = { x: event.clientX, place: this.mapping.place(value) };
  }

  private drag(event: PointerEvent): void {
    if (!this.grip) return;
    const place = Math.min(1, Math.max(0, this.grip.place + (event.clientX - this.grip.x) / REACH));
    this.choose(this.mapping.value(place));
  }

  private drop(): void {
    this.grip = null;
  }

  private pressed(event: KeyboardEvent): void {
    const value = this.shown;
    if (value === null || this.fixed) return;
    const { mapping } = this;
    const page = (way: 1 | -1) => mapping.value(Math.min(1, Math.max(0, mapping.place(value) + way * PAGE)));
    const next: Record<string, () => number> = {
      ArrowRight: () => mapping.nudge(value, 1),
      ArrowUp: () => mapping.nudge(value, 1),
      ArrowLeft: () => mapping.nudge(value, -1),
      ArrowDown: () => mapping.nudge(value, -1),
      PageUp: () => page(1),
      PageDown: () => page(-1),
      Home: () => mapping.value(0),
      End: () => mapping.value(1),
    };
    const move = next[event.key];
    if (!move) return;
    event.preventDefault();
    this.choose(move());
  }

  private choose(value: number): void {
    if (value === this.shown) return;
    this.pending = value;
    this.refusal = "";
    clearTimeout(this.timer);
    const wait = Math.max(0, COMMIT_EVERY - (performance.now() - this.lastSent));
    this.timer = setTimeout(() => void this.commit(), wait);
  }

  private async commit(): Promise<void> {
    const value = this.pending;
    if (value === null || !this.view) return;
    this.lastSent = performance.now();
    try {
      await this.view.setKnobs({ [this.knob]: value });
    } catch (error) {
      this.refusal = error instanceof Error ? error.message : String(error);
    }
    if (this.pending === value) this.pending = null;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "drag-number": DragNumber;
  }
}
