import { css, html, LitElement, nothing, svg } from "lit";
import { customElement, property } from "lit/decorators.js";
import type { Catalog } from "../api.js";
import { rampCss } from "../draw/palette.js";
import { percent } from "../model/format.js";
import { markLabels } from "../model/mark-labels.js";
import { rawCosineOf, WHY_NOT_RAW } from "../model/raw-cosine.js";
import { RunController, WORDS } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { count, fixed } from "../model/say.js";
import { onTheme, theme } from "../theme.js";
import { halfCollapsed } from "./half-collapsed.js";
import { house } from "./house.js";
import "./figure-tip.js";
import "./status-badge.js";

/** Consistency as one big number on a fixed scale, with the figures that keep it honest. */
@customElement("consistency-meter")
export class ConsistencyMeter extends LitElement {
  @property({ attribute: false }) view: RunView | null = null;
  @property({ attribute: false }) catalog: Catalog | null = null;
  @property() label = "Consistency";
  /** Where the meter settled under other momenta, as the page remembers: [momentum, consistency]. */
  @property({ attribute: false, hasChanged: (now, before) => String(now) !== String(before) })
  marks: readonly (readonly [number, number])[] = [];

  private stopTheme: (() => void) | null = null;

  constructor() {
    super();
    new RunController(
      this,
      () => this.view,
      ["tick", "status"],
      () => true,
      WORDS,
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

  static override styles = [
    house,
    css`
      /* Whether the number is of now stands beside it; where there is no room for both, below. */
      .top {
        display: flex;
        flex-wrap: wrap;
        align-items: flex-end;
        gap: 0 0.8rem;
      }
      status-badge {
        padding-bottom: 0.45rem;
      }
      :host([compact]) status-badge {
        display: none;
      }
      /* The whole reading is what one clicks; an inline block is not underlined with the name. */
      .reading {
        display: block;
        width: fit-content;
      }
      .label {
        display: block;
        font-weight: 700;
      }
      .big,
      .word {
        display: inline-block;
      }
      @media (max-width: 30rem) {
        .label {
          font-size: var(--text-s);
        }
      }
      .big {
        font-size: var(--text-hero);
        font-weight: 700;
        line-height: 1.08;
        letter-spacing: -0.03em;
      }
      .word {
        font-size: var(--text-xl);
        font-weight: 700;
        line-height: 1.2;
        padding-block: 0.35em;
      }
      svg {
        display: block;
        width: 100%;
        height: 1.9rem;
        overflow: visible;
      }
      text {
        font-size: 0.69rem;
        fill: var(--ink-soft);
      }
      p {
        margin: 0.1rem 0;
      }
      b {
        color: var(--ink);
      }
      dl {
        margin: 0;
      }
      dt {
        margin-top: 0.35rem;
        font-size: 0.75rem;
        color: var(--ink-faint);
      }
      dd {
        margin: 0;
        color: var(--ink);
      }
      .defined {
        margin-bottom: 0.3rem;
        line-height: 1.35;
        text-wrap: pretty;
      }
      .whole {
        white-space: nowrap;
      }
      .alarm {
        font-weight: 600;
        color: var(--bad);
        font-size: var(--text-s);
      }
    `,
  ];

  override render() {
    const view = this.view;
    const value = view?.scalar("consistency") ?? null;
    const probed = (view?.scalar("probe_step") ?? null) !== null;
    const n = view?.scalar("probe_n") ?? null;
    return html`
      <div class="top">
      <figure-tip class="reading" .catalog=${this.catalog} .view=${view} name="consistency">
        <span class="label">${this.label}</span>
        ${
          value === null
            ? html`<span class="word">${probed ? "Collapsed" : "Not measured yet"}</span>`
            : html`<span class="big" part="value">${fixed(value)}</span>`
        }
        <div slot="more">${this.raw()}</div>
      </figure-tip>
      <status-badge brief part="badge" .view=${view}></status-badge>
      </div>
      ${this.scale(value)}
      <p class="soft defined" part="more">${this.defined(n)}</p>
      <p class="soft" part="more tests">
        ${this.tip("id_photo", "ID-photo test")} <b>${percent(view?.scalar("id_photo"))}</b>
        ${n ? html`<span class="whole">(chance ${percent(1 / n)})</span>` : nothing}
      </p>
      <p class="soft" part="more tests">${this.tip("gradient_agreement", "Gradient agreement")} <b>${fixed(view?.scalar("gradient_agreement"))}</b></p>
      ${
        probed && value === null
          ? html`<div class="alarm">All keys point the same way: there is nothing left to compare.</div>`
          : probed
            ? halfCollapsed(view, this.tip)
            : nothing
      }
    `;
  }

  /** The definition in a line, with the sample size and the step of the measurement. */
  private defined(n: number | null) {
    const stored = this.view?.run?.method === "memory_bank" ? "rows" : "keys";
    const text = `${stored} of all ages against the same views encoded now`;
    return n === null
      ? `To be measured: ${text}. Chance is 0.`
      : html`<b>n = ${count(n)}</b> ${text}, step ${count(this.view?.scalar("probe_step"))}. Chance is 0.`;
  }

  private readonly tip = (name: string, text: string) =>
    html`<figure-tip .catalog=${this.catalog} .view=${this.view} name=${name}>${text}</figure-tip>`;

  /** The raw cosine, one click away, and why it is not the meter. */
  private raw() {
    const raw = rawCosineOf(this.view?.tick?.scalars);
    return html`<dl>
      <dt>Now</dt>
      <dd>
        ${
          raw === null
            ? "Not measured yet."
            : html`same: raw drift cosine <b>${fixed(raw.same, 3)}</b><br />other: between different entries
                <b>${fixed(raw.other, 3)}</b><br />n = ${count(raw.sampled)}, taken at step ${count(raw.step)}`
        }
      </dd>
      <dt>Why the raw cosine is not the meter</dt>
      <dd>${WHY_NOT_RAW}</dd>
    </dl>`;
  }

  /** A fixed scale from 0 to 1: it never zooms, so meters and moments compare. */
  private scale(value: number | null) {
    const at = (x: number) => `${Math.max(0, Math.min(1, x)) * 100}%`;
    return html`<svg role="img" aria-label="Scale from 0 to 1${value === null ? "" : `: ${fixed(value)}`}">
      <rect y="4" width="100%" height="6" rx="3" fill="var(--line)"></rect>
      ${
        value === null
          ? nothing
          : svg`<rect y="4" width=${at(value)} height="6" rx="3" fill=${rampCss(value, theme(this))}></rect>`
      }
      ${this.marks.some(([, x]) => x < 0.14) ? nothing : svg`<text y="24">0</text>`}
      ${this.marks.some(([, x]) => x > 0.86) ? nothing : svg`<text x="100%" y="24" text-anchor="end">1</text>`}
      ${this.marks.map(
        ([, x]) => svg`<line x1=${at(x)} x2=${at(x)} y1="1" y2="13" stroke="var(--ink)" stroke-width="1.5"></line>`,
      )}
      ${markLabels(this.marks).map((label) => svg`<text x=${at(label.at)} y="24" text-anchor="middle">${label.text}</text>`)}
    </svg>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "consistency-meter": ConsistencyMeter;
  }
}
