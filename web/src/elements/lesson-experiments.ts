import { html, LitElement, nothing, type PropertyValues } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { ApiError, type Catalog, type Knobs, type LessonName } from "../api.js";
import type { PairScored } from "../compare/compare-lane.js";
import { Experimenter, goOn } from "../model/experimenter.js";
import { EXPERIMENTS } from "../model/experiments.js";
import { RunController, WORDS } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { isSet, knobWords, Trial } from "../model/trial.js";
import type { RunEvent } from "../wire/messages.js";
import type { CompareOpener } from "./compare-opener.js";
import { house } from "./house.js";
import { experimentStyles } from "./lesson-experiments.styles.js";
import type { PredictFirst } from "./predict-first.js";
import { borne, heard, isTold, trialResult } from "./trial-result.js";
import "./predict-first.js";

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
  /** The experiment that waits for what it will be compared with. */
  @state() private waiting = "";
  private trials: Trial[] = [];
  private readonly experimenter = new Experimenter(
    () => this.view,
    () => this.defaults,
  );
  private followed: RunView | null = null;
  /** Nothing is measured on a moment that was recorded once: experiments are made on the live run. */
  private readonly tick = () => {
    if (this.view && !this.view.opening) for (const trial of this.trials) trial.observe(this.view);
  };
  private readonly event = (event: Event) => {
    const { type, knobs, step } = (event as CustomEvent<RunEvent>).detail;
    for (const trial of this.trials) {
      if (type === "reset") trial.forget();
      if (type === "knobs") trial.heard(knobs as Knobs, step);
    }
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

  static override styles = [house, experimentStyles];

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
          ?reveal=${isTold(trial) && (experiment.from !== "ages" || this.guess(id) !== null)}
          .borne=${borne(trial)}
          .said=${heard(trial)}
          @predicted=${() => {
            this.asking = "";
            this.requestUpdate();
          }}
        >
          <div slot="result">${trialResult(trial, this.guess(id), this.view?.run?.reason ?? null)}</div>
        </predict-first>
        ${this.buttons(trial)}
        ${this.asking === id ? html`<p class="nudge" role="status">First say what you expect, then run it.</p>` : nothing}
        ${this.waiting === id && this.experimenter.unmeasured(trial) ? html`<p class="soft" role="status">Waiting until the live run has measured this once. Then the change is made by itself.</p>` : nothing}
        ${this.refusal && this.open === id ? html`<p class="refusal" role="alert">${this.refusal}</p>` : nothing}
      </div>
    </details>`;
  }

  private buttons(trial: Trial) {
    const { experiment } = trial;
    const { view } = this;
    if (experiment.from === "pair") return this.pairButtons(trial);
    if (experiment.from === "ages") return this.watchButtons(trial);
    if (view?.recorded)
      return html`<p class="soft">Nobody can change a recording; the marks below the figure say what was changed when.</p>`;
    const set = view !== null && !view.opening && isSet(experiment, view);
    const back = this.experimenter.wayBack(trial);
    const away = !view?.run || view.status === "offline";
    return html`<div class="row">
      ${
        set || trial.active
          ? html`<button type="button" class="back" ?disabled=${away} @click=${() => this.goBack(trial)}>Back to ${knobWords(back)}</button>`
          : html`<button type="button" class="go" ?disabled=${away} aria-disabled=${this.waiting !== ""} @click=${() => this.ask(trial)}>Set ${knobWords(experiment.change)}</button>`
      }
      ${
        experiment.lasting && trial.values && !trial.earlier
          ? html`<button type="button" ?disabled=${away} @click=${() => this.startOver(trial)}>Go back and start over</button>`
          : nothing
      }
      ${this.skip(trial)} ${set ? nothing : this.again(trial)}
    </div>`;
  }

  /** There is nothing to change; but on a recorded moment nothing is measured either. */
  private watchButtons(trial: Trial) {
    return html`<div class="row">
      ${
        this.view?.opening
          ? html`<button type="button" class="go" @click=${() => this.watch()}>Go live to see</button>`
          : this.again(trial)
      }
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
          : html`<button type="button" class="go" ?disabled=${away} aria-disabled=${this.waiting !== ""} @click=${() => this.ask(trial)}>Train both and score them</button>`
      }
      ${this.skip(trial)} ${this.again(trial)}
    </div>`;
  }

  private skip(trial: Trial) {
    if (this.asking !== trial.experiment.id) return nothing;
    return html`<button type="button" class="plain" @click=${() => this.run(trial)}>Skip the question</button>`;
  }

  /** Another guess, once there is an answer to the first: the answer goes, for it must not be known beforehand. */
  private again(trial: Trial) {
    const { id } = trial.experiment;
    if (trial.active || !isTold(trial) || this.guess(id) === null) return nothing;
    const ask = () => {
      trial.clear();
      this.question(id)?.forget();
      this.requestUpdate();
    };
    return html`<button type="button" class="plain" @click=${ask}>Predict again</button>`;
  }

  private opener({ experiment }: Trial): CompareOpener | null {
    return this.section?.querySelector<CompareOpener>(`compare-opener[pair=${experiment.pair}]`) ?? null;
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
    if (this.waiting) return;
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
    this.waiting = trial.experiment.id;
    await this.attempt(() => (trial.experiment.from === "pair" ? this.runPair(trial) : this.change(trial)));
    this.waiting = "";
  }

  private async runPair(trial: Trial): Promise<void> {
    await this.experimenter.here();
    trial.begin(null, {}, 0);
    this.opener(trial)?.run();
  }

  private async change(trial: Trial): Promise<void> {
    const view = await this.experimenter.change(trial, this.trials);
    this.showFigure();
    await goOn(view);
  }

  private async watch(): Promise<void> {
    await this.attempt(async () => {
      const view = await this.experimenter.here();
      this.showFigure();
      await goOn(view);
    });
  }

  private goBack(trial: Trial): Promise<void> {
    return this.attempt(() => this.experimenter.restore(trial));
  }

  private startOver(trial: Trial): Promise<void> {
    return this.attempt(async () => {
      const view = await this.experimenter.restore(trial);
      await view.command("reset");
    });
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

declare global {
  interface HTMLElementTagNameMap {
    "lesson-experiments": LessonExperiments;
  }
}
