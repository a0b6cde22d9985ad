import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { ApiError } from "../api.js";
import { momentumText } from "../model/format.js";
import { RunController } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { count } from "../model/say.js";
import { makeScale, type Scale, type ScaleName } from "../model/scales.js";
import { house } from "./house.js";
import { range } from "./range.styles.js";

/** While dragging, the run hears at most this often; the last value always arrives. */
const COMMIT_EVERY = 100;
const TRACK = 1000;

/**
 * A knob of a run under the hand. It shows what the run has, except while the reader's own change is on its way.
 *
 * @fires knob - the reader chose a value (detail: {knob, value}); sent to the run already
 */
@customElement("knob-slider")
export class KnobSlider extends LitElement {
  @property({ attribute: false }) view: RunView | null = null;
  @property() knob = "";
  @property() label = "";
  @property() scale: ScaleName = "linear";
  @property({ type: Number }) min = 0;
  @property({ type: Number }) max = 1;
  @property({ type: Number }) step: number | undefined;
  @property({ attribute: false }) ticks: readonly number[] = [];
  /** How a value is written; by default by its scale. */
  @property({ attribute: false }) format: ((value: number) => string) | null = null;

  /** The reader's value until the run confirms it. */
  @state() private pending: number | null = null;
  @state() private refusal: string | null = null;

  private lastSent = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private sending = 0;

  constructor() {
    super();
    new RunController(this, () => this.view, ["status"]);
  }

  static override styles = [
    house,
    range,
    css`
      .head {
        display: flex;
        justify-content: space-between;
        align-items: baseline;
        gap: 1rem;
      }
      label {
        color: var(--ink-soft);
        font-size: var(--text-s);
      }
      output {
        font-weight: 700;
        font-size: var(--text-l);
      }
      .ticks {
        position: relative;
        height: 1.5rem;
        margin: 0 0.625rem;
      }
      .ticks button {
        position: absolute;
        left: var(--at);
        transform: translateX(-50%);
        min-height: 1.5rem;
        padding: 0 0.25rem;
        border: 0;
        background: none;
        font-weight: 400;
        font-size: 0.75rem;
        color: var(--ink-soft);
        white-space: nowrap;
      }
      .ticks button[aria-pressed="true"] {
        color: var(--ink);
        font-weight: 700;
      }
      .refusal {
        color: var(--bad);
        font-size: var(--text-s);
      }
    `,
  ];

  private get mapping(): Scale {
    return makeScale(this.scale, { min: this.min, max: this.max, step: this.step, ticks: this.ticks });
  }

  private get shown(): number | null {
    if (this.pending !== null) return this.pending;
    const value = this.view?.knob(this.knob);
    return typeof value === "number" ? value : null;
  }

  private write(value: number): string {
    if (this.format) return this.format(value);
    return this.scale === "powers" ? count(value) : momentumText(value);
  }

  override render() {
    const value = this.shown;
    const fixed = value === null || this.view?.fixed;
    const place = value === null ? 0 : this.mapping.place(value);
    return html`
      <div class="head">
        <label for="range">${this.label}</label>
        <output for="range">${value === null ? "–" : this.write(value)}</output>
      </div>
      <input
        id="range"
        type="range"
        min="0"
        max=${TRACK}
        step="1"
        .value=${String(Math.round(place * TRACK))}
        ?disabled=${fixed}
        aria-valuetext=${value === null ? "not known yet" : this.write(value)}
        @input=${this.dragged}
        @change=${this.dropped}
        @keydown=${this.pressed}
      />
      <div class="ticks" part="ticks">
        ${this.ticks.map(
          (tick) => html`<button
            type="button"
            tabindex="-1"
            aria-pressed=${tick === value}
            aria-label="Set ${this.label} to ${this.write(tick)}"
            ?disabled=${fixed}
            @click=${() => this.choose(tick, true)}
          >
            ${this.write(tick)}
          </button>`,
        )}
      </div>
      ${this.refusal ? html`<div class="refusal" role="alert">${this.refusal}</div>` : nothing}
    `;
  }

  override updated(_changed: PropertyValues): void {
    // Through CSSOM: the content security policy forbids style attributes.
    const scale = this.mapping;
    const input = this.renderRoot.querySelector("input");
    const value = this.shown;
    input?.style.setProperty("--filled", `${(value === null ? 0 : scale.place(value)) * 100}%`);
    this.renderRoot.querySelectorAll<HTMLElement>(".ticks button").forEach((button, i) => {
      button.style.setProperty("--at", `${scale.place(this.ticks[i]!) * 100}%`);
    });
  }

  /** Set the knob as if the reader had: the experiment buttons use it. */
  choose(value: number, final: boolean): void {
    this.pending = value;
    this.refusal = null;
    clearTimeout(this.timer);
    const wait = final ? 0 : COMMIT_EVERY - (performance.now() - this.lastSent);
    if (wait <= 0) void this.commit();
    else this.timer = setTimeout(() => void this.commit(), wait);
  }

  private dragged(event: Event): void {
    this.choose(this.mapping.value(Number((event.target as HTMLInputElement).value) / TRACK), false);
  }

  private dropped(event: Event): void {
    this.choose(this.mapping.value(Number((event.target as HTMLInputElement).value) / TRACK), true);
  }

  private pressed(event: KeyboardEvent): void {
    const value = this.shown;
    if (value === null) return;
    const scale = this.mapping;
    const jump = (direction: 1 | -1) => {
      const ticks = direction === 1 ? this.ticks : [...this.ticks].reverse();
      return ticks.find((tick) => direction * (tick - value) > 1e-12) ?? scale.nudge(value, direction);
    };
    const next: Record<string, () => number> = {
      ArrowRight: () => scale.nudge(value, 1),
      ArrowUp: () => scale.nudge(value, 1),
      ArrowLeft: () => scale.nudge(value, -1),
      ArrowDown: () => scale.nudge(value, -1),
      PageUp: () => jump(1),
      PageDown: () => jump(-1),
    };
    const move = next[event.key];
    if (!move) return;
    event.preventDefault();
    this.choose(move(), false);
  }

  private async commit(): Promise<void> {
    const value = this.pending;
    if (value === null || !this.view) return;
    this.lastSent = performance.now();
    this.sending += 1;
    const mine = this.sending;
    this.dispatchEvent(new CustomEvent("knob", { detail: { knob: this.knob, value }, bubbles: true, composed: true }));
    try {
      await this.view.setKnobs({ [this.knob]: value });
    } catch (error) {
      if (mine !== this.sending) return;
      this.refusal = error instanceof ApiError ? error.message : String(error);
    }
    // Only the newest change lets go: an older answer must not pull the thumb back.
    if (mine === this.sending && this.pending === value) this.pending = null;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "knob-slider": KnobSlider;
  }
}
