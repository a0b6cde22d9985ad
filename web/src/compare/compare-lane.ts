import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { ApiError, type Catalog, type Run } from "../api.js";
import { house } from "../elements/house.js";
import { playKey } from "../elements/play-key.js";
import { percent } from "../model/format.js";
import { OnScreenController, RunController } from "../model/run-controller.js";
import { RunView } from "../model/run-view.js";
import { count, fixed } from "../model/say.js";
import { detail, type Evaluation, score } from "../model/scores.js";
import type { Reading } from "../model/trial.js";
import { bothMeters, sign, type Trace, twoLines } from "./charts.js";
import { laneStyles } from "./compare-lane.styles.js";
import { forget, makePair, whyNot } from "./life.js";
import { bodyOf, countOf, type Pair, type PairName, pairOf, STEPS } from "./pairs.js";
import { difference, measured, type Point, tableRows, together } from "./series.js";
import "../elements/figure-tip.js";
import "../elements/spoken-summary.js";
import "../elements/status-badge.js";

const RATE = 10;
const ROWS = 12;
type Views = readonly [RunView, RunView];

/**
 * Two runs of one seed that differ in one thing, trained while the reader watches and deleted when the lane goes.
 *
 * @fires close - the reader is done with it
 * @fires pair-scored - both have been evaluated: {pair, scores}, a Reading of kNN before the head for each
 */
@customElement("compare-lane")
export class CompareLane extends LitElement {
  static override styles = [house, laneStyles];

  /** The lesson's run: images, seed and batch size are taken over from it. */
  @property({ attribute: false }) lesson: RunView | null = null;
  @property({ attribute: false }) catalog: Catalog | null = null;
  @property() pair: PairName = "momentum";
  /** Evaluate both when they are at their end. */
  @property({ type: Boolean }) score = false;

  @state() private views: Views | null = null;
  @state() private trouble: string | null = null;
  @state() private table = false;
  @state() private evaluating = false;
  @state() private room = 640;

  private made: Run[] = [];
  /** Steps at which the scores that were last told of were taken. */
  private told = "";
  /** Counts pairs that were asked for: an answer that comes for an older one is deleted at once. */
  private wish = 0;
  private readonly resize = new ResizeObserver(([entry]) => {
    if (entry) this.room = Math.max(240, Math.floor(entry.contentRect.width));
  });
  /** Also for the page's own store of pages left: a reader who comes back finds it closed. */
  private readonly left = () => {
    this.end();
    this.dispatchEvent(new CustomEvent("close"));
  };

  constructor() {
    super();
    for (const side of [0, 1]) {
      new RunController(this, () => this.views?.[side]);
      new OnScreenController(this, () => this.views?.[side]);
    }
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.resize.observe(this);
    addEventListener("pagehide", this.left);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.resize.disconnect();
    removeEventListener("pagehide", this.left);
    this.end();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if ((changed.has("lesson") || changed.has("catalog")) && this.wish === 0) void this.begin();
  }

  protected override updated(): void {
    const { views } = this;
    if (!views) return;
    const scores = views.map((view) => backbone(view.evaluation));
    if (scores.every((one) => one !== null)) this.tell(scores as [Reading, Reading]);
    else if (this.score && views.every(({ run }) => run?.state === "finished" || run?.state === "stopped")) {
      this.score = false;
      void this.evaluate();
    }
  }

  private tell(scores: readonly [Reading, Reading]): void {
    const key = `${this.wish} ${scores.map(({ step }) => step)}`;
    if (key === this.told) return;
    this.told = key;
    const detail: PairScored = { pair: this.pair, scores };
    this.dispatchEvent(new CustomEvent("pair-scored", { detail, bubbles: true, composed: true }));
  }

  private get about(): Pair {
    return pairOf(this.pair, countOf(this.catalog, this.lesson?.run ?? null));
  }

  private async begin(): Promise<void> {
    const { lesson, about } = this;
    const run = lesson?.run;
    if (!run || lesson.recorded || !this.isConnected) return;
    this.end();
    const mine = this.wish;
    try {
      const made = await makePair([bodyOf(about, about.sides[0], run), bodyOf(about, about.sides[1], run)]);
      if (mine !== this.wish) {
        forget(made);
        return;
      }
      this.made = made;
      const [a, b] = made.map((one) => {
        const view = new RunView(one.id, { sections: [], rate: RATE }, one);
        view.connect();
        return view;
      });
      this.views = [a!, b!];
    } catch (error) {
      if (mine === this.wish) this.trouble = whyNot(error);
    }
  }

  private end(): void {
    this.wish += 1;
    this.trouble = null;
    for (const view of this.views ?? []) view.disconnect();
    this.views = null;
    forget(this.made);
    this.made = [];
  }

  protected override render() {
    const { about, views } = this;
    return html`<div role="group" tabindex="-1" aria-label="Side by side: ${about.title}" @keydown=${this.pressed}>
      <p>${about.intro} Both train here and now, ${count(STEPS)} steps, and are deleted when you close this.</p>
      ${views ? this.lanes(about, views) : this.waiting()}
    </div>`;
  }

  private waiting(): TemplateResult {
    if (this.lesson?.recorded) {
      return html`<p class="trouble">A pair must really be trained, and a recording has no service to train it.</p>`;
    }
    if (this.trouble) {
      return html`<p class="trouble" role="alert">${this.trouble}</p>
        <div class="row"><button type="button" @click=${this.begin}>Try again</button>${this.closer()}</div>`;
    }
    const words = this.lesson?.run
      ? "The two runs are being made."
      : "No service has answered yet; it begins when one does.";
    return html`<p role="status">${words}</p>`;
  }

  private lanes(about: Pair, views: Views): TemplateResult {
    const { meter, sides } = about;
    const wide = this.room > 560;
    const traces = (figure: string, at: string) =>
      sides.map(({ label }, side) => ({
        label,
        points: measured(views[side]!.history, figure, at),
      })) as unknown as readonly [Trace, Trace];
    const meters = traces(meter.figure, meter.at);
    const losses = traces("loss", "batch_step");
    const newest = meters.map(({ points }) => points[points.length - 1] ?? null);
    const chart = wide ? Math.floor((this.room - 40) / 2) : this.room;
    const top = Math.ceil(1.1 * Math.max(1, ...views.map((view) => view.scalar("loss_chance") ?? 0)));
    const said = this.difference(about, meters);
    return html`
      <div class="sides">${views.map((view, side) => this.side(about, view, side as 0 | 1, newest[side] ?? null))}</div>
      <h4>${meter.title} of both, on one axis</h4>
      ${bothMeters([newest[0]?.value ?? null, newest[1]?.value ?? null], this.room)}
      <p class="difference">${said}</p>
      <p class="soft">${meter.definition}</p>
      <div class="histories">
        <div><h4>${meter.title} by step</h4>${twoLines(meters, STEPS, 1, meter.title, chart)}</div>
        <div><h4>Loss by step</h4>${twoLines(losses, STEPS, top, "Loss", chart)}</div>
      </div>
      <p class="soft">${about.losses} ${this.chances(about, views)}</p>
      <p>${about.look}</p>
      ${this.scores(about, views)}
      ${this.trouble ? html`<p class="trouble" role="alert">${this.trouble}</p>` : nothing}
      <div class="row">
        <button
          type="button"
          class="play"
          aria-keyshortcuts="Space"
          ?disabled=${!this.running && !views.some(paused)}
          @click=${this.toggle}
        >
          ${this.running ? "Pause both" : "Play both"}
        </button>
        <button type="button" ?disabled=${this.evaluating} @click=${this.evaluate}>
          ${this.evaluating ? "Evaluating both" : "Evaluate both"}
        </button>
        <button type="button" @click=${this.begin}>Run again</button>
        <button type="button" aria-expanded=${this.table} @click=${() => {
          this.table = !this.table;
        }}>${this.table ? "Hide the table" : "Show as a table"}</button>
        ${this.closer()}
      </div>
      ${this.table ? this.asTable(about, meters) : nothing}
      <spoken-summary text=${`${sides.map(({ label }, side) => `${label}: step ${count(views[side]!.tick?.header.step)}`).join(", ")}. ${said}`}></spoken-summary>
    `;
  }

  private side({ meter, sides }: Pair, view: RunView, side: 0 | 1, newest: Point | null): TemplateResult {
    const n = meter.figure === "consistency" ? view.scalar("probe_n") : 2 * (view.scalar("batch_size") ?? 0);
    return html`<div class="side ${side === 0 ? "a" : "b"}">
      <h4>${sign(side)} ${sides[side].label}</h4>
      <status-badge .view=${view}></status-badge>
      <div>
        <figure-tip .catalog=${this.catalog} .view=${view} name=${meter.figure}>${meter.title}</figure-tip>
        <div class="big">${newest ? fixed(newest.value) : "–"}</div>
      </div>
      <p class="soft">${newest && n ? `${meter.over(count(n))}, step ${count(newest.step)}` : "Not measured yet"}</p>
    </div>`;
  }

  /** The two at like steps, and what lies between them. */
  private difference({ meter, sides }: Pair, meters: readonly [Trace, Trace]): string {
    const both = together(meters[0].points, meters[1].points);
    if (!both) return "The difference is named once both are measured.";
    const [a, b] = both;
    const values = [a, b].map(
      ({ value, step }, side) => `${sides[side]!.label}: ${fixed(value)} at step ${count(step)}`,
    );
    return `${values.join("; ")}. ${fixed(Math.abs(difference(a.value, b.value)))} of ${meter.title.toLowerCase()} lies between them.`;
  }

  private chances({ sides }: Pair, views: Views): string {
    const known = views.map((view) => view.scalar("loss_chance"));
    if (known.some((value) => value === null)) return "";
    if (known[0] === known[1]) return `Chance level of both: ${fixed(known[0])}.`;
    return `Chance levels: ${sides.map(({ label }, side) => `${label} ${fixed(known[side])}`).join(", ")}.`;
  }

  private scores({ sides }: Pair, views: Views): TemplateResult | typeof nothing {
    const found = views.map((view) => view.evaluation);
    if (found.every((one) => !one)) return nothing;
    return html`<p role="status">
      Features before the head, kNN on pictures it never trained on:
      ${sides.map(({ label }, side) => {
        const evaluation = found[side];
        const knn = evaluation ? score(evaluation, "knn", "backbone") : null;
        return html`${side ? "; " : ""}${label} <b>${
          knn && evaluation
            ? `${percent(knn.trained)} (untrained ${percent(knn.untrained)}, n = ${count(detail(evaluation, "test"))}, step ${count(evaluation.step)})`
            : "not scored yet"
        }</b>`;
      })}. One run each: a difference of a few points may be chance.
    </p>`;
  }

  private asTable({ meter, sides }: Pair, [a, b]: readonly [Trace, Trace]): TemplateResult {
    const cells = (point: Point) => html`<td>${count(point.step)}</td><td>${fixed(point.value)}</td>`;
    return html`<table>
      <caption>${meter.title}, each at the step at which it was measured</caption>
      <thead><tr>${sides.map(({ label }) => html`<th scope="col">Step</th><th scope="col">${label}</th>`)}<th scope="col">Difference</th></tr></thead>
      <tbody>
        ${tableRows(a.points, b.points, ROWS).map(
          ([x, y]) => html`<tr>${cells(x)}${cells(y)}<td>${fixed(difference(x.value, y.value))}</td></tr>`,
        )}
      </tbody>
    </table>`;
  }

  /** One of the two trains. */
  private get running(): boolean {
    return this.views?.some(({ run }) => run?.state === "running" || run?.state === "queued") ?? false;
  }

  private pressed(event: KeyboardEvent): void {
    if (this.views && playKey(event)) void this.toggle();
  }

  /** Both stand still or both train: a run that is over is left as it is. */
  private async toggle(): Promise<void> {
    const { views, running } = this;
    const those = views?.filter((view) => (running ? !paused(view) && !over(view) : paused(view))) ?? [];
    this.trouble = null;
    try {
      await Promise.all(those.map((view) => view.command(running ? "pause" : "resume")));
    } catch (error) {
      if (views === this.views) this.trouble = error instanceof ApiError ? error.message : String(error);
    }
  }

  private closer(): TemplateResult {
    return html`<button type="button" @click=${() => this.dispatchEvent(new CustomEvent("close"))}>Close and delete both</button>`;
  }

  private readonly evaluate = async () => {
    const { views } = this;
    if (!views) return;
    this.evaluating = true;
    this.trouble = null;
    try {
      await Promise.all(views.map((view) => view.command("evaluate")));
    } catch (error) {
      if (views === this.views) this.trouble = error instanceof ApiError ? error.message : String(error);
    }
    this.evaluating = false;
  };
}

const paused = ({ run }: RunView): boolean => run?.state === "paused";
const over = ({ run }: RunView): boolean =>
  run?.state === "finished" || run?.state === "stopped" || run?.state === "failed";

/** Detail of the event `pair-scored`. */
export interface PairScored {
  pair: PairName;
  scores: readonly [Reading, Reading];
}

/** How many of the pictures, in percent, their neighbours in the features before the head sort right. */
function backbone(evaluation: Evaluation | null): Reading | null {
  const knn = evaluation && score(evaluation, "knn", "backbone");
  if (!knn) return null;
  return { value: 100 * knn.trained, step: evaluation.step, n: `n = ${count(detail(evaluation, "test"))}` };
}

declare global {
  interface HTMLElementTagNameMap {
    "compare-lane": CompareLane;
  }
}
