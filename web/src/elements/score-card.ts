import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { ApiError, type Catalog } from "../api.js";
import { percent, steps } from "../model/format.js";
import { OnScreenController, RunController, WORDS } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { count } from "../model/say.js";
import { detail, type Evaluation, MEASURES, OUTPUTS, type Score, score, standardError } from "../model/scores.js";
import { house } from "./house.js";
import "./figure-tip.js";
import "./spoken-summary.js";

/**
 * What the encoder knows of pictures it never trained on: kNN and a linear probe, on backbone and head, each beside
 * the untrained network. Asked for by a button, never by itself: it takes a share of the device's time.
 */
@customElement("score-card")
export class ScoreCard extends LitElement {
  @property({ attribute: false }) view: RunView | null = null;
  @property({ attribute: false }) catalog: Catalog | null = null;

  /** Asked for, and not yet begun, as far as is heard. */
  @state() private asked = false;
  @state() private refusal: string | null = null;

  constructor() {
    super();
    new RunController(
      this,
      () => this.view,
      ["tick", "status"],
      () => true,
      WORDS,
    );
    new OnScreenController(this, () => this.view);
  }

  static override styles = [
    house,
    css`
      .card {
        padding: 1.1rem 1.2rem;
        border: 1px solid var(--line);
        border-radius: var(--radius);
        background: var(--surface);
      }
      .head {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: 0.5rem 1rem;
      }
      h3 {
        margin: 0;
        font-size: var(--text-m);
        font-weight: 700;
      }
      p {
        margin: 0.6rem 0 0;
      }
      table {
        width: 100%;
        margin-top: 0.6rem;
        border-collapse: collapse;
        table-layout: fixed;
      }
      th {
        text-align: left;
        font-size: var(--text-s);
        font-weight: 500;
        color: var(--ink-soft);
      }
      thead th:first-child {
        width: 26%;
      }
      tbody th {
        padding: 0.75rem 0 0;
        vertical-align: top;
        line-height: 1.25;
      }
      td {
        padding: 0.55rem 0 0.5rem;
        vertical-align: top;
      }
      td,
      thead th {
        padding-left: 1rem;
      }
      tr + tr td,
      tr + tr th {
        border-top: 1px solid var(--line);
      }
      .value {
        font-size: var(--text-xl);
        font-weight: 700;
        letter-spacing: -0.02em;
        line-height: 1.2;
      }
      svg {
        display: block;
        width: 100%;
        height: 0.4rem;
        border-radius: 0.2rem;
      }
      td svg {
        margin: 0.25rem 0 0.2rem;
      }
      .whole {
        fill: var(--line);
      }
      .before {
        fill: var(--line-strong);
      }
      .gain {
        fill: var(--tune);
      }
      .loss {
        fill: var(--untune);
      }
      .below {
        font-size: 0.75rem;
        color: var(--ink-soft);
        white-space: nowrap;
      }
      @media (max-width: 22rem) {
        .card {
          padding-inline: 0.8rem;
        }
        td,
        thead th {
          padding-left: 0.5rem;
        }
        .below {
          white-space: normal;
        }
      }
      .progress {
        margin-top: 0.7rem;
      }
      .progress .done {
        fill: var(--ink);
        transition: width 0.5s linear;
      }
      .refusal {
        color: var(--bad);
        font-size: var(--text-s);
      }
      @media (prefers-reduced-motion: reduce) {
        .progress .done {
          transition: none;
        }
      }
    `,
  ];

  override render() {
    const { view } = this;
    const evaluation = view?.evaluation ?? null;
    const share = view?.scalar("evaluation_progress") ?? (this.asked ? 0 : null);
    const unknown = !view?.run || view.run.state === "queued" || view.status === "offline";
    return html`<div class="card" role="group" aria-label="What the encoder has learned">
      <div class="head">
        <h3>What has it learned?</h3>
        ${
          view?.recorded
            ? nothing
            : html`<button type="button" ?disabled=${unknown || share !== null} @click=${this.evaluate}>
          ${share !== null ? `Evaluating ${Math.round(100 * share)} %` : evaluation ? "Evaluate again" : "Evaluate"}
        </button>`
        }
      </div>
      ${share === null ? nothing : progressBar(share)}
      ${evaluation ? this.table(evaluation) : intro(view?.recorded)}
      <spoken-summary .text=${evaluation ? said(evaluation) : ""}></spoken-summary>
      ${this.refusal ? html`<p class="refusal" role="alert">${this.refusal}</p>` : nothing}
    </div>`;
  }

  private table(evaluation: Evaluation): TemplateResult {
    return html`<table>
        <thead>
          <tr>
            <th><span class="heard">Measure</span></th>
            ${OUTPUTS.map(([, title]) => html`<th scope="col">${title}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${MEASURES.map(
            ([measure, title]) => html`<tr>
              <th scope="row">${title}</th>
              ${OUTPUTS.map(([output]) => html`<td>${this.cell(evaluation, score(evaluation, measure, output))}</td>`)}
            </tr>`,
          )}
        </tbody>
      </table>
      <p class="soft">${this.circumstances(evaluation)}</p>`;
  }

  /** The score, a bar that says what training added, and the untrained network's score. */
  private cell(evaluation: Evaluation, found: Score | null) {
    if (!found) return "–";
    const [low, high] = [Math.min(found.trained, found.untrained), Math.max(found.trained, found.untrained)];
    return html`<div class="value">${this.tip(found.name, percent(found.trained), evaluation)}</div>
      <svg aria-hidden="true">
        <rect class="whole" width="100%" height="100%"></rect>
        <rect class="before" width="${100 * low}%" height="100%"></rect>
        <rect
          class=${found.trained >= found.untrained ? "gain" : "loss"}
          x="${100 * low}%"
          width="${100 * (high - low)}%"
          height="100%"
        ></rect>
      </svg>
      <div class="below">untrained ${percent(found.untrained)}</div>`;
  }

  private tip(name: string, text: string, evaluation: Evaluation) {
    const { held_out: heldOut } = evaluation;
    return html`<figure-tip .catalog=${this.catalog} name=${name}
      >${text}<div slot="more">
        Here: ${count(detail(evaluation, "test"))} pictures${typeof heldOut === "string" ? ` (${heldOut})` : ""}, after
        ${count(detail(evaluation, "train"))} training pictures. Untrained: the same, of this network at step 0.
      </div></figure-tip
    >`;
  }

  private circumstances(evaluation: Evaluation) {
    const since = (this.view?.tick?.header.step ?? evaluation.step) - evaluation.step;
    const error = standardError(evaluation);
    const when = since > 0 ? `step ${count(evaluation.step)}, ${steps(since)} ago` : `step ${count(evaluation.step)}`;
    const chance = percent(detail(evaluation, "chance")).replace(" ", "\u00a0");
    return html`At ${when}. Chance is ${chance}${
      error === null
        ? nothing
        : html`; asked about ${count(detail(evaluation, "test"))} pictures, so give or take ${(100 * error).toFixed(1)} points`
    }.${evaluation.linear_converged === false ? " The linear probe was not fitted to its end." : ""}`;
  }

  private async evaluate(): Promise<void> {
    if (!this.view) return;
    this.refusal = null;
    this.asked = true;
    try {
      await this.view.command("evaluate");
    } catch (error) {
      this.refusal = error instanceof ApiError ? error.message : String(error);
    }
    this.asked = false;
  }
}

/** For the ear, once: what stands on the page also counts the steps since. */
function said(evaluation: Evaluation): string {
  const scores = MEASURES.flatMap(([measure, title]) =>
    OUTPUTS.flatMap(([output, place]) => {
      const found = score(evaluation, measure, output);
      return found ? `${title}, ${place.toLowerCase()}: ${percent(found.trained)}` : [];
    }),
  );
  return `Evaluated at step ${count(evaluation.step)}. ${scores.join("; ")}.`;
}

function intro(recorded = false): TemplateResult {
  if (recorded) return html`<p class="soft">Up to this moment of the recording nobody has asked.</p>`;
  return html`<p class="soft">
    Training never sees a label. Evaluate asks how well the encoder’s output sorts pictures kept apart: by their nearest
    neighbours, and by a linear classifier; beside it, the same network before training.
  </p>`;
}

function progressBar(share: number): TemplateResult {
  const done = Math.round(100 * share);
  return html`<div
    class="progress"
    role="progressbar"
    aria-label="Evaluation"
    aria-valuemin="0"
    aria-valuemax="100"
    aria-valuenow=${done}
  >
    <svg>
      <rect class="whole" width="100%" height="100%"></rect>
      <rect class="done" width="${done}%" height="100%"></rect>
    </svg>
  </div>`;
}

declare global {
  interface HTMLElementTagNameMap {
    "score-card": ScoreCard;
  }
}
