import { css, html, LitElement, nothing, svg } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { rampCss } from "../draw/palette.js";
import type { Curve } from "../model/dictionary.js";
import { momentumText, steps } from "../model/format.js";
import type { Ghost } from "../model/ghost.js";
import { count, fixed } from "../model/say.js";
import { onTheme, theme } from "../theme.js";
import { house } from "./house.js";

const PAD = { left: 16, right: 8, top: 24, bottom: 22 };

/** Consistency against age: the measured bins joined by lines, and the curve from before as a ghost. */
@customElement("age-curve")
export class AgeCurve extends LitElement {
  @property({ attribute: false }) curve: Curve | null = null;
  @property({ attribute: false }) ghost: Ghost | null = null;
  /** Right end of the axis, in steps; 0 where each step replaces all keys, and all there is is new. */
  @property({ type: Number }) oldest = 1;

  @state() private width = 280;
  @state() private height = 130;
  @query(".room") private room!: HTMLElement;

  private observer: ResizeObserver | null = null;
  private stopTheme: (() => void) | null = null;

  static override styles = [
    house,
    css`
      :host {
        display: grid;
        min-height: 7rem;
      }
      .room {
        position: relative;
        min-width: 0;
        min-height: 0;
      }
      svg {
        position: absolute;
        inset: 0;
        width: 100%;
        height: 100%;
        overflow: visible;
      }
      text {
        font-family: var(--sans);
        font-size: 0.72rem;
        fill: var(--ink-soft);
      }
      .axis {
        stroke: var(--line);
      }
      .ghost {
        fill: none;
        stroke: var(--ink-soft);
        stroke-width: 1.75;
        stroke-dasharray: 4 4;
      }
      .bin {
        stroke: var(--surface);
        stroke-width: 1;
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.stopTheme = onTheme(() => this.requestUpdate());
    if (this.hasUpdated) this.watch();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.observer?.disconnect();
    this.stopTheme?.();
  }

  override firstUpdated(): void {
    this.watch();
  }

  private watch(): void {
    this.observer = new ResizeObserver(([entry]) => {
      if (!entry) return;
      this.width = Math.max(120, entry.contentRect.width);
      this.height = Math.max(80, entry.contentRect.height);
    });
    this.observer.observe(this.room);
  }

  override render() {
    const { width, height, curve, ghost } = this;
    const right = width - PAD.right;
    const bottom = height - PAD.bottom;
    const oldest = Math.max(1, this.oldest);
    const x = (age: number) => PAD.left + Math.min(1, age / oldest) * (right - PAD.left);
    const y = (value: number) => bottom - Math.max(0, Math.min(1, value)) * (bottom - PAD.top);
    return html`<div class="room"><svg role="img" aria-label=${this.sentence()}>
      <line class="axis" x1=${PAD.left} x2=${right} y1=${y(1)} y2=${y(1)}></line>
      <line class="axis" x1=${PAD.left} x2=${right} y1=${bottom} y2=${bottom}></line>
      <text x=${PAD.left - 6} y=${y(1) + 4} text-anchor="end">1</text>
      <text x=${PAD.left - 6} y=${bottom + 4} text-anchor="end">0</text>
      <text x=${PAD.left} y=${bottom + 17}>new</text>
      ${this.oldest > 0 ? svg`<text x=${right} y=${bottom + 17} text-anchor="end">${steps(oldest)} old</text>` : nothing}
      ${ghost ? this.drawGhost(ghost, x, y) : nothing} ${curve ? this.drawCurve(curve, x, y) : nothing}
    </svg></div>`;
  }

  private drawCurve(curve: Curve, x: (age: number) => number, y: (value: number) => number) {
    const bins = this.shownBins(curve);
    return svg`${bins.slice(1).map((bin, i) => {
      const before = bins[i]!;
      const middle = (curve.consistency[before]! + curve.consistency[bin]!) / 2;
      return svg`<line x1=${x(curve.age[before]!)} y1=${y(curve.consistency[before]!)} x2=${x(curve.age[bin]!)}
        y2=${y(curve.consistency[bin]!)} stroke=${rampCss(middle, theme(this))} stroke-width="4" stroke-linecap="round"></line>`;
    })}
    ${bins.length < 40 ? bins.map((bin) => svg`<circle class="bin" cx=${x(curve.age[bin]!)} cy=${y(curve.consistency[bin]!)} r="3.2" fill=${rampCss(curve.consistency[bin]!, theme(this))}></circle>`) : nothing}`;
  }

  private drawGhost({ curve, momentum }: Ghost, x: (age: number) => number, y: (value: number) => number) {
    const bins = this.shownBins(curve);
    if (bins.length === 0) return nothing;
    const points = bins.map((bin) => `${x(curve.age[bin]!)},${y(curve.consistency[bin]!)}`).join(" ");
    // Its name stands above the chart, where no line can cross it.
    const right = this.width - PAD.right;
    return svg`<polyline class="ghost" points=${points}></polyline>
      <line class="ghost" x1=${right - 22} x2=${right} y1="8" y2="8"></line>
      <text x=${right - 27} y="12" text-anchor="end">before, m = ${momentumText(momentum)}</text>`;
  }

  private shownBins(curve: Curve): number[] {
    return Array.from(curve.age.keys()).filter((bin) => curve.age[bin]! <= this.oldest * 1.02 + 1);
  }

  private sentence(): string {
    const curve = this.curve;
    if (!curve) return "Consistency against age: not measured yet";
    const last = curve.age.length - 1;
    return `Consistency against age, measured: ${fixed(curve.consistency[0])} at age ${count(curve.age[0])}, ${fixed(
      curve.consistency[last],
    )} at age ${count(curve.age[last])} steps`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "age-curve": AgeCurve;
  }
}
