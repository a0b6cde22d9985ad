import { css, html, LitElement, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { ApiError } from "../api.js";
import { momentumText, steps } from "../model/format.js";
import { RunController } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { fixed } from "../model/say.js";
import { house } from "./house.js";
import type { PredictFirst } from "./predict-first.js";
import "./predict-first.js";

const LOW = 0.5;
const USUAL = 0.99;
/** A fall of the meter that is more than the noise of one sample. */
const CLEAR = 0.1;
/** Below this the belt was out of tune already, and the experiment shows less. */
const EARLY = 0.5;

const OPTIONS = [
  {
    text: "They get fresher: the kitchen is more up to date",
    answer:
      "The kitchen is more up to date, but only for plates it makes now. Those already on the belt came from a kitchen that is gone.",
  },
  {
    text: "They fall out of tune with today’s encoder",
    right: true,
    answer:
      "Yes. Each batch now comes from a clearly different kitchen, so the further a plate has ridden, the less it agrees with today’s.",
  },
  {
    text: "Nothing: they are stored numbers",
    answer: "The numbers stay, but what they are compared with moves. It is the agreement that is lost.",
  },
];

/**
 * The experiment of the chapter: drop momentum to 0.5, look at the oldest plates, go back. Prediction first.
 *
 * @fires dropped - momentum is at 0.5 now
 */
@customElement("belt-experiment")
export class BeltExperiment extends LitElement {
  @property({ attribute: false }) view: RunView | null = null;

  /** What was measured just before the drop, and the step of the drop. */
  @state() private baseline: { momentum: number; meter: number | null; oldest: number | null; step: number } | null =
    null;
  @state() private asking = false;
  @state() private refusal: string | null = null;
  /** The newest measurement under the low momentum. */
  private under: { meter: number; oldest: number | null } | null = null;
  /** A clear fall was measured. */
  private borne = false;
  @query("predict-first") private prediction!: PredictFirst | null;

  constructor() {
    super();
    new RunController(this, () => this.view);
  }

  static override styles = [
    house,
    css`
      .row:not([hidden]) {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem;
        margin-top: 0.9rem;
      }
      .drop {
        border-color: var(--accent);
        color: var(--accent);
      }
      p {
        margin: 0.6rem 0 0;
      }
      .nudge {
        color: var(--accent);
        font-weight: 600;
      }
      .refusal {
        color: var(--bad);
      }
      b {
        white-space: nowrap;
      }
    `,
  ];

  private get momentum(): number | null {
    const value = this.view?.knob("momentum");
    return typeof value === "number" ? value : null;
  }

  private get oldestNow(): number | null {
    const curve = this.view?.dictionary.curve;
    return curve && curve.consistency.length > 0 ? curve.consistency[curve.consistency.length - 1]! : null;
  }

  override render() {
    const momentum = this.momentum;
    const low = momentum !== null && momentum <= LOW;
    const back = this.baseline?.momentum ?? USUAL;
    return html`
      <predict-first
        question="Before you drop momentum to 0.5: what happens to the oldest plates?"
        .options=${OPTIONS}
        ?reveal=${this.baseline !== null}
        ?borne=${this.borne}
        @predicted=${() => (this.asking = false)}
      >
        <span slot="result">${this.result()}</span>
      </predict-first>
      ${this.view?.recorded ? html`<p class="soft">Nobody can drop it in a recording; the marks below the figure say what was changed when.</p>` : nothing}
      <div class="row" ?hidden=${this.view?.recorded}>
        ${
          low && this.baseline
            ? html`<button type="button" @click=${() => this.set(back)}>Back to ${momentumText(back)}</button>`
            : html`<button
                type="button"
                class="drop"
                ?disabled=${momentum === null || this.view?.status === "offline"}
                @click=${this.drop}
              >
                Drop momentum to 0.5
              </button>`
        }
        ${this.asking ? html`<button type="button" class="plain" @click=${() => this.run()}>Skip the question</button>` : nothing}
      </div>
      ${this.asking ? html`<p class="nudge" role="status">First say what you expect, then drop it.</p>` : nothing}
      ${this.refusal ? html`<p class="refusal" role="alert">${this.refusal}</p>` : nothing}
    `;
  }

  /** Keep the newest measurement made under the low momentum: it stays said after going back. */
  override willUpdate(): void {
    const { baseline, view } = this;
    if (!baseline || !view || (this.momentum ?? 1) > LOW) return;
    const meter = view.scalar("consistency");
    if ((view.scalar("probe_step") ?? 0) <= baseline.step || meter === null) return;
    this.under = { meter, oldest: this.oldestNow };
    if (baseline.meter !== null && baseline.meter - meter > CLEAR) this.borne = true;
  }

  /** Measured numbers only: before, under the low momentum, and after going back. */
  private result() {
    const { baseline: before, under, view } = this;
    if (!before || !view) return nothing;
    const since = Math.max(0, (view.tick?.header.step ?? 0) - before.step);
    if (!under) return html`Dropped ${steps(since)} ago; the next measurement will tell.`;
    const low = (this.momentum ?? 1) <= LOW;
    return html`Measured: the oldest plates went from <b>${fixed(before.oldest)}</b> at m = ${momentumText(before.momentum)} to
      <b>${fixed(under.oldest)}</b> at ${LOW}, the whole belt from <b>${fixed(before.meter)}</b> to
      <b>${fixed(under.meter)}</b>${low ? html` (${steps(since)} after the drop).` : html`. Now, at m = ${momentumText(this.momentum ?? 0)}, the belt reads <b>${fixed(view.scalar("consistency"))}</b>.`}
      ${before.meter !== null && before.meter < EARLY ? html`It was not well in tune before: early in training the encoder moves fast. Go back, let it run for a while, then drop again.` : nothing}`;
  }

  private drop(): void {
    if (this.prediction && !this.prediction.answered && !this.asking) {
      this.asking = true;
      this.prediction.focus();
      return;
    }
    void this.run();
  }

  private async run(): Promise<void> {
    const { view, momentum } = this;
    if (!view || momentum === null) return;
    this.asking = false;
    const before = {
      momentum: momentum > LOW ? momentum : USUAL,
      meter: view.scalar("consistency"),
      oldest: this.oldestNow,
      step: view.tick?.header.step ?? 0,
    };
    if (await this.set(LOW)) {
      this.under = null;
      this.baseline = before;
      this.dispatchEvent(new CustomEvent("dropped", { bubbles: true, composed: true }));
    }
    if (view.run?.state === "paused") await this.attempt(() => view.command("resume"));
  }

  private set(momentum: number): Promise<boolean> {
    return this.attempt(() => this.view!.setKnobs({ momentum }));
  }

  private async attempt(action: () => Promise<unknown>): Promise<boolean> {
    this.refusal = null;
    try {
      await action();
      return true;
    } catch (error) {
      this.refusal = error instanceof ApiError ? error.message : String(error);
      return false;
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "belt-experiment": BeltExperiment;
  }
}
