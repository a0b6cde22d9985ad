import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { ApiError, type Catalog, type LessonName } from "../api.js";
import type { PairScored } from "../compare/compare-lane.js";
import { EXPERIMENTS, type Experiment } from "../model/experiments.js";
import { RunController, WORDS } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { count, fixed } from "../model/say.js";
import { isSet, knobWords, measure, type Reading, Trial, wayBack } from "../model/trial.js";
import type { RunEvent } from "../wire/messages.js";
import type { CompareOpener } from "./compare-opener.js";
import { house } from "./house.js";
import type { PredictFirst } from "./predict-first.js";
import "./predict-first.js";

/** What the two measured values are of, where it is not before the change and under it. */
const ROWS: Partial<Record<Experiment["from"], readonly [string, string]>> = {
  ages: ["newest rows", "oldest rows"],
  pair: ["with a head", "without"],
};
const PAIR_TRAINS =
  "Both train now, below the figure, on the same batches. When both are at their last step they are scored, and the answer comes here.";

/**
 * The experiments of a lesson: each asks first, is one click to run, says what was measured, and has a way back.
 * One at a time: beginning the next puts the values of the one before back.
 */
@customElement("lesson-experiments")
export class LessonExperiments extends LitElement {
  @property({ attribute: false }) view: RunView | null = null;
  @property({ attribute: false }) catalog: Catalog | null = null;
  @property() lesson: LessonName = "belt";

  /** The experiment whose question stands in the way. */
  @state() private asking = "";
  @state() private open = "";
  @state() private refusal: string | null = null;
  private trials: Trial[] = [];
  private followed: RunView | null = null;
  /** Nothing is measured on a moment that was recorded once: experiments are made on the live run. */
  private readonly tick = () => {
    if (this.view && !this.view.opening) for (const trial of this.trials) trial.observe(this.view);
  };
  private readonly event = (event: Event) => {
    if ((event as CustomEvent<RunEvent>).detail.type === "reset") for (const trial of this.trials) trial.forget();
  };

  /** Pairs are trained in the section's figure, and tell of themselves there. */
  private readonly scored = (event: Event) => {
    const { pair, scores } = (event as CustomEvent<PairScored>).detail;
    const trial = this.trials.find(({ experiment }) => experiment.pair === pair);
    if (!trial?.active) return;
    trial.compared(scores[0], scores[1]);
    this.requestUpdate();
  };
  private readonly closed = (event: Event) => {
    const { pair } = (event as CustomEvent<PairScored>).detail;
    this.trials.find(({ experiment }) => experiment.pair === pair)?.end(0);
    this.requestUpdate();
  };
  private section: Element | null = null;

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

  static override styles = [
    house,
    css`
      details {
        border-top: 1px solid var(--line);
      }
      details:last-of-type {
        border-bottom: 1px solid var(--line);
      }
      summary {
        padding: 0.7rem 0 0.6rem;
        font-weight: 650;
        cursor: pointer;
      }
      summary i {
        font-style: normal;
        font-size: var(--text-s);
        font-weight: 600;
        color: var(--accent);
      }
      .inside {
        padding: 0 0 1.1rem;
      }
      p {
        margin: 0 0 0.7rem;
      }
      .row {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem;
        margin-top: 0.8rem;
      }
      .go {
        border-color: var(--accent);
        color: var(--accent);
      }
      .nudge {
        margin: 0.6rem 0 0;
        color: var(--accent);
        font-weight: 600;
      }
      .refusal {
        margin: 0.6rem 0 0;
        color: var(--bad);
      }
      table {
        width: 100%;
        margin: 0.6rem 0 0;
        border-collapse: collapse;
        font-size: var(--text-s);
      }
      caption {
        text-align: left;
        font-weight: 650;
      }
      th {
        text-align: left;
        font-weight: 400;
      }
      td {
        text-align: right;
        white-space: nowrap;
      }
      td:nth-child(3) {
        color: var(--ink-soft);
      }
      th,
      td {
        padding: 0.22rem 0;
        border-bottom: 1px solid var(--line);
      }
      .verdict {
        font-weight: 650;
      }
    `,
  ];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.follow(null);
    this.section?.removeEventListener("pair-scored", this.scored);
    this.section?.removeEventListener("pair-closed", this.closed);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.follow(this.view);
    this.section = this.closest("section");
    this.section?.addEventListener("pair-scored", this.scored);
    this.section?.addEventListener("pair-closed", this.closed);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("lesson")) {
      this.trials = EXPERIMENTS.filter(({ lesson }) => lesson === this.lesson).map((one) => new Trial(one));
      this.open ||= this.trials[0]?.experiment.id ?? "";
    }
    if (this.isConnected) this.follow(this.view);
  }

  private follow(view: RunView | null): void {
    if (view === this.followed) return;
    this.followed?.removeEventListener("tick", this.tick);
    this.followed?.removeEventListener("event", this.event);
    view?.addEventListener("tick", this.tick);
    view?.addEventListener("event", this.event);
    this.followed = view;
    this.tick();
  }

  protected override render() {
    return html`${this.trials.map((trial) => this.one(trial))}`;
  }

  private one(trial: Trial) {
    const { experiment } = trial;
    const { id } = experiment;
    return html`<details
      id=${id}
      ?open=${this.open === id}
      @toggle=${(event: Event) => {
        if ((event.currentTarget as HTMLDetailsElement).open) this.open = id;
        else if (this.open === id) this.open = "";
      }}
    >
      <summary>${experiment.title} ${trial.active ? html`<i>under way</i>` : nothing}</summary>
      <div class="inside">
        <p>${experiment.why}</p>
        <predict-first
          .question=${experiment.question}
          .choices=${experiment.choices}
          ?reveal=${experiment.from === "ages" ? this.guess(id) !== null && trial.under !== null : trial.values !== null}
          .borne=${this.borne(trial)}
          @predicted=${() => {
            this.asking = "";
            this.requestUpdate();
          }}
        >
          <div slot="result">${this.result(trial)}</div>
        </predict-first>
        ${this.buttons(trial)}
        ${this.asking === id ? html`<p class="nudge" role="status">First say what you expect, then run it.</p>` : nothing}
        ${this.refusal && this.open === id ? html`<p class="refusal" role="alert">${this.refusal}</p>` : nothing}
      </div>
    </details>`;
  }

  private buttons(trial: Trial) {
    const { experiment } = trial;
    const { view } = this;
    if (experiment.from === "pair") return this.pairButtons(trial);
    if (Object.keys(experiment.change).length === 0) return nothing;
    if (view?.recorded)
      return html`<p class="soft">Nobody can change a recording; the marks below the figure say what was changed when.</p>`;
    const set = view !== null && !view.opening && isSet(experiment, view);
    const back = wayBack(trial, this.defaults);
    const away = !view?.run || view.status === "offline";
    return html`<div class="row">
      ${
        set || trial.active
          ? html`<button type="button" class="back" ?disabled=${away} @click=${() => this.goBack(trial)}>Back to ${knobWords(back)}</button>`
          : html`<button type="button" class="go" ?disabled=${away} @click=${() => this.ask(trial)}>Set ${knobWords(experiment.change)}</button>`
      }
      ${
        experiment.lasting && trial.values
          ? html`<button type="button" ?disabled=${away} @click=${() => this.startOver(trial)}>Go back and start over</button>`
          : nothing
      }
      ${this.skip(trial)}
    </div>`;
  }

  private pairButtons(trial: Trial) {
    const { view } = this;
    if (view?.recorded)
      return html`<p class="soft">A pair must really be trained, and a recording has no service to train it.</p>`;
    const away = !view?.run || view.status === "offline";
    return html`<div class="row">
      ${
        trial.active
          ? html`<button type="button" class="back" @click=${() => this.opener(trial)?.close()}>Back: close and delete both</button>`
          : html`<button type="button" class="go" ?disabled=${away} @click=${() => this.ask(trial)}>Train both and score them</button>`
      }
      ${this.skip(trial)}
    </div>`;
  }

  private skip(trial: Trial) {
    if (this.asking !== trial.experiment.id) return nothing;
    return html`<button type="button" class="plain" @click=${() => this.run(trial)}>Skip the question</button>`;
  }

  private opener({ experiment }: Trial): CompareOpener | null {
    return this.section?.querySelector<CompareOpener>(`compare-opener[pair=${experiment.pair}]`) ?? null;
  }

  /** What was measured, the verdict computed from it, the reader's guess beside it, and why. */
  private result(trial: Trial) {
    const { experiment, before, under, back, outcome } = trial;
    if (!trial.values && experiment.from !== "ages") return nothing;
    if (!outcome || !before || !under) {
      if (experiment.from === "pair")
        return html`<p>${trial.active ? PAIR_TRAINS : "Closed before both were scored."}</p>`;
      return html`<p>${before ? `Before: ${fixed(before.value, experiment.digits)} (${before.n}). ` : ""}${trial.active ? "Changed; the next measurement will tell." : "Gone back before anything was measured."}</p>`;
    }
    const guess = this.guess(experiment.id);
    const done = trial.settled || experiment.from === "ages";
    return html`<p class="verdict">${trial.verdict}${done ? "" : trial.active ? " Still under way." : " Gone back early."}</p>
      ${guess === null ? nothing : html`<p>You guessed: “${experiment.choices[guess]!.text}”. ${experiment.choices[guess]!.outcome === outcome ? "So it was measured." : "It was measured otherwise."}</p>`}
      ${done ? html`<p>${experiment.because[outcome]}</p>` : nothing}
      ${this.view?.run?.reason && trial.active ? html`<p>The run paused itself: ${this.view.run.reason}.</p>` : nothing}
      <table>
        <caption>${experiment.name}</caption>
        <tbody>
          ${line(experiment, ROWS[experiment.from]?.[0] ?? "before", before)}
          ${line(experiment, ROWS[experiment.from]?.[1] ?? knobWords(experiment.change), under)}
          ${back ? line(experiment, "after going back", back) : nothing}
        </tbody>
      </table>`;
  }

  private borne({ outcome, experiment, settled }: Trial): number | null {
    if (!outcome || !(settled || experiment.from === "ages")) return null;
    return experiment.choices.findIndex((choice) => choice.outcome === outcome);
  }

  private question(id: string): PredictFirst | null {
    return this.renderRoot.querySelector<PredictFirst>(`#${id} predict-first`);
  }

  private guess(id: string): number | null {
    return this.question(id)?.chosen ?? null;
  }

  private get defaults(): Readonly<Record<string, unknown>> {
    const method = this.view?.run?.method;
    return this.catalog?.methods.find(({ name }) => name === method)?.defaults ?? {};
  }

  private ask(trial: Trial): void {
    const { id } = trial.experiment;
    if (this.guess(id) === null && this.asking !== id) {
      this.asking = id;
      this.question(id)?.focus();
      return;
    }
    void this.run(trial);
  }

  private async run(trial: Trial): Promise<void> {
    this.asking = "";
    const view = await this.here();
    if (!view) return;
    const { change, from } = trial.experiment;
    if (from === "pair") {
      trial.begin(null, {}, 0);
      this.opener(trial)?.run();
      this.requestUpdate();
      return;
    }
    const other = this.trials.find((one) => one.active && one !== trial && one.experiment.from !== "pair");
    const restored = other ? wayBack(other, this.defaults) : {};
    const values = Object.fromEntries(Object.keys(change).map((name) => [name, restored[name] ?? view.knob(name)!]));
    const before = measure(trial.experiment, view);
    if (!before) {
      this.refusal = `${trial.experiment.name} has no value yet. Let the run go for a moment, then try again.`;
      return;
    }
    await this.attempt(async () => {
      const step = await view.setKnobs({ ...restored, ...change });
      other?.end(step);
      trial.begin(before, values, step);
      this.showFigure();
      if (view.run?.state === "paused") await view.command("resume");
    });
  }

  /** The live run; null, with the reason said, where it does not come. */
  private async here(): Promise<RunView | null> {
    let live: RunView | null = null;
    await this.attempt(async () => {
      live = (await this.view?.live()) ?? null;
    });
    return live;
  }

  private async goBack(trial: Trial): Promise<void> {
    await this.attempt(async () => {
      const step = await this.view!.setKnobs(wayBack(trial, this.defaults));
      trial.end(step);
    });
  }

  private async startOver(trial: Trial): Promise<void> {
    await this.goBack(trial);
    await this.attempt(() => this.view!.command("reset"));
  }

  /** On a phone the figure is above the words: bring it back, there is something to see. */
  private showFigure(): void {
    const figure = this.closest("section")?.querySelector(".figure > *");
    const box = figure?.getBoundingClientRect();
    if (figure && box && (box.bottom < innerHeight * 0.4 || box.top > innerHeight * 0.6)) figure.scrollIntoView();
  }

  private async attempt(action: () => Promise<unknown>): Promise<void> {
    this.refusal = null;
    try {
      await action();
    } catch (error) {
      this.refusal = error instanceof ApiError ? error.message : String(error);
    }
    this.requestUpdate();
  }
}

function line(experiment: Experiment, name: string, { value, step, n }: Reading) {
  return html`<tr><th scope="row">${name}</th><td><b>${fixed(value, experiment.digits)}</b></td><td>${n}, step ${count(step)}</td></tr>`;
}

declare global {
  interface HTMLElementTagNameMap {
    "lesson-experiments": LessonExperiments;
  }
}
