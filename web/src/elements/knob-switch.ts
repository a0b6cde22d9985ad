import { css, html, LitElement, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { ApiError } from "../api.js";
import { RunController } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { house } from "./house.js";

/** A knob that is on or off, such as one augmentation. */
@customElement("knob-switch")
export class KnobSwitch extends LitElement {
  @property({ attribute: false }) view: RunView | null = null;
  @property() knob = "";
  @property() label = "";

  @state() private pending: boolean | null = null;
  @state() private refusal: string | null = null;

  constructor() {
    super();
    new RunController(this, () => this.view, ["status"]);
  }

  static override styles = [
    house,
    css`
      button {
        display: inline-flex;
        align-items: center;
        gap: 0.55rem;
        font-weight: 500;
      }
      .track {
        position: relative;
        width: 2rem;
        height: 1.15rem;
        border-radius: 1rem;
        background: var(--line-strong);
        transition: background var(--quick);
      }
      .track::after {
        content: "";
        position: absolute;
        top: 0.15rem;
        left: 0.15rem;
        width: 0.85rem;
        height: 0.85rem;
        border-radius: 50%;
        background: var(--surface);
        transition: transform var(--quick);
      }
      [aria-checked="true"] .track {
        background: var(--positive);
      }
      [aria-checked="true"] .track::after {
        transform: translateX(0.85rem);
      }
      .refusal {
        color: var(--bad);
        font-size: var(--text-s);
      }
      @media (prefers-reduced-motion: reduce) {
        .track,
        .track::after {
          transition: none;
        }
      }
    `,
  ];

  override render() {
    const value = this.pending ?? this.view?.knob(this.knob);
    const known = typeof value === "boolean";
    return html`<button
        type="button"
        role="switch"
        aria-checked=${known && value}
        ?disabled=${!known || !!this.view?.fixed}
        @click=${() => this.toggle(!value)}
      >
        <span class="track" aria-hidden="true"></span>${this.label}
      </button>
      ${this.refusal ? html`<div class="refusal" role="alert">${this.refusal}</div>` : nothing}`;
  }

  private async toggle(value: boolean): Promise<void> {
    if (!this.view) return;
    this.pending = value;
    this.refusal = null;
    try {
      await this.view.setKnobs({ [this.knob]: value });
      this.dispatchEvent(
        new CustomEvent("knob", { detail: { knob: this.knob, value }, bubbles: true, composed: true }),
      );
    } catch (error) {
      this.refusal = error instanceof ApiError ? error.message : String(error);
    }
    if (this.pending === value) this.pending = null;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "knob-switch": KnobSwitch;
  }
}
