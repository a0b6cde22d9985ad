import { css, html, LitElement, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { house } from "./house.js";
import "./spoken-summary.js";

/**
 * One question before an experiment. The choice stays on screen beside the result; nothing is graded.
 *
 * @slot result - the measured outcome, shown once `reveal` is set
 * @fires predicted - a choice was made (detail: its index)
 */
@customElement("predict-first")
export class PredictFirst extends LitElement {
  @property() question = "";
  @property({ attribute: false }) choices: readonly { text: string }[] = [];
  /** The experiment has been run: say what came of it. */
  @property({ type: Boolean, reflect: true }) reveal = false;

  /** The choice that the measurement bore out, once it has. */
  @property({ attribute: false }) borne: number | null = null;

  /** What came of it in a sentence for the ear: the result itself may change many times a second. */
  @property() said = "";

  /** The reader's choice. */
  @state() chosen: number | null = null;

  static override styles = [
    house,
    css`
      fieldset {
        margin: 0;
        padding: 1.1rem 1.2rem;
        border: 1px solid var(--line);
        border-radius: var(--radius);
        background: var(--surface);
        min-width: 0;
      }
      legend {
        float: left;
        width: 100%;
        padding: 0;
        margin-bottom: 0.6rem;
        font-weight: 700;
      }
      label {
        clear: both;
        display: flex;
        gap: 0.65rem;
        align-items: baseline;
        padding: 0.32rem 0.4rem;
        margin: 0 -0.4rem;
        border-radius: var(--radius-s);
        cursor: pointer;
      }
      label:hover {
        background: var(--sunken);
      }
      input {
        flex: none;
        width: 1.05rem;
        height: 1.05rem;
        margin: 0;
        translate: 0 0.15rem;
        accent-color: var(--positive);
      }
      .mine {
        font-weight: 600;
      }
      .borne::after {
        content: " ✓ measured";
        color: var(--ok);
        font-size: var(--text-s);
        font-weight: 600;
        white-space: nowrap;
      }
      .answer {
        clear: both;
        margin: 0.7rem 0 0;
        padding-top: 0.7rem;
        border-top: 1px solid var(--line);
      }
    `,
  ];

  override focus(): void {
    this.renderRoot.querySelector("input")?.focus();
  }

  /** Ask once more. */
  forget(): void {
    this.chosen = null;
    this.focus();
  }

  override render() {
    return html`<fieldset>
      <legend>${this.question}</legend>
      ${this.choices.map(
        ({ text }, i) => html`<label>
          <input
            type="radio"
            name="prediction"
            .checked=${this.chosen === i}
            ?disabled=${this.reveal && this.chosen !== null && this.chosen !== i}
            @change=${() => this.choose(i)}
          />
          <span class="${this.chosen === i ? "mine" : ""} ${this.reveal && this.borne === i ? "borne" : ""}"
            >${text}</span
          >
        </label>`,
      )}
      ${this.reveal ? html`<div class="answer"><slot name="result"></slot></div>` : nothing}
      <spoken-summary .text=${this.reveal ? this.said : ""}></spoken-summary>
    </fieldset>`;
  }

  private choose(index: number): void {
    this.chosen = index;
    this.dispatchEvent(new CustomEvent("predicted", { detail: index, bubbles: true, composed: true }));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "predict-first": PredictFirst;
  }
}
