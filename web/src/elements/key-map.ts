import { html, LitElement, nothing, type PropertyValues } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import type { Catalog } from "../api.js";
import { keyNear, landmarkAt, layMap, type MapLayout, paintMap } from "../draw/key-map.js";
import { rampCss } from "../draw/palette.js";
import { type PlateLook, plateLook } from "../draw/plate.js";
import { sizeCanvas, token } from "../draw/tokens.js";
import type { Atlas } from "../model/atlas.js";
import { type AgeGroup, groupByAge } from "../model/map-groups.js";
import { MapMotion } from "../model/map-motion.js";
import { MapStore } from "../model/map-store.js";
import { OnScreenController } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { count, fixed } from "../model/say.js";
import { withScreenFigures } from "../model/screen-figures.js";
import { calm, onCalm } from "../motion.js";
import { nextFrame } from "../next-frame.js";
import { onTheme, theme } from "../theme.js";
import { house } from "./house.js";
import { keyMapStyles } from "./key-map.styles.js";
import { ageText, keyOnMap, keyOnMapCard, landmarkCard, mapSentence, type Noun } from "./key-map-words.js";
import "./figure-tip.js";
import "./memory-bank-photo.js";
import "./ramp-strip.js";
import "./spoken-summary.js";

/**
 * Where stored keys lie among landmarks that never move, and where today's encoder would put them. The run must be
 * asked for the section "map" (`RunView.include`). While a key is pointed at the map holds still.
 */
@customElement("key-map")
export class KeyMap extends LitElement {
  static override styles = [house, keyMapStyles];

  @property({ attribute: false }) view: RunView | null = null;
  @property({ attribute: false }) catalog: Catalog | null = null;
  @property({ attribute: false }) atlas: Atlas | null = null;

  /** Key under the pointer or the keyboard: its place in the moment shown. */
  @state() private marked: number | null = null;
  @state() private landmark: number | null = null;
  /** Age group that stands out: pointed at, or chosen. */
  @state() private pointedGroup: number | null = null;
  @state() private chosenGroup: number | null = null;
  /** What a step of the arrow keys came to, for those who listen. */
  @state() private walked = "";

  @query("canvas") private canvas!: HTMLCanvasElement;
  @query(".plot") private plot!: HTMLElement;

  private readonly store = new MapStore();
  private readonly motion = new MapMotion();
  private figures: Catalog = withScreenFigures(null);
  private groups: AgeGroup[] = [];
  private grouped: unknown = null;
  private layout: MapLayout = layMap(0);
  private look: PlateLook | null = null;
  private frame: (() => void) | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private visible = false;
  /** The mark stays when the pointer goes. */
  private picked = false;
  private stops: (() => void)[] = [];
  private readonly wake = () => this.schedule();
  private readonly tick = () => {
    const tick = this.view?.tick;
    if (tick && this.store.take(tick)) this.motion.offer(this.store.moment!);
    else if (!this.store.moment && this.motion.moment)
      this.forget(); // the run began anew
    else return;
    this.schedule();
  };

  constructor() {
    super();
    new OnScreenController(
      this,
      () => this.view,
      (visible) => {
        this.visible = visible;
        this.schedule();
      },
    );
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const resize = new ResizeObserver(() => this.resize());
    void this.updateComplete.then(() => this.isConnected && resize.observe(this.plot));
    const still = () => {
      this.motion.still = calm(this);
      this.schedule();
    };
    still();
    this.stops = [
      () => resize.disconnect(),
      onCalm(still),
      onTheme(() => {
        this.look = null;
        this.requestUpdate();
      }),
    ];
    this.follow(this.view, this.atlas);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const stop of this.stops) stop();
    this.unfollow(this.view, this.atlas);
    this.frame?.();
    clearTimeout(this.timer);
    this.frame = null;
    this.timer = undefined;
  }

  private follow(view: RunView | null, atlas: Atlas | null): void {
    view?.addEventListener("tick", this.tick);
    atlas?.addEventListener("load", this.wake);
    this.tick();
  }

  private unfollow(view: RunView | null, atlas: Atlas | null): void {
    view?.removeEventListener("tick", this.tick);
    atlas?.removeEventListener("load", this.wake);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("catalog")) this.figures = withScreenFigures(this.catalog);
    if (changed.has("view") || changed.has("atlas")) {
      this.unfollow(
        changed.has("view") ? (changed.get("view") ?? null) : this.view,
        changed.get("atlas") ?? this.atlas,
      );
      if (changed.has("view") && changed.get("view")) this.forget();
      if (this.isConnected) this.follow(this.view, this.atlas);
    }
    const { moment } = this.motion;
    if (moment !== this.grouped) {
      this.grouped = moment;
      this.groups = moment ? groupByAge(moment) : [];
    }
  }

  private get noun(): Noun {
    return this.view?.run?.method === "memory_bank" ? "row" : "key";
  }

  private get group(): AgeGroup | null {
    const place = this.pointedGroup ?? this.chosenGroup;
    return place === null ? null : (this.groups[place] ?? null);
  }

  protected override render() {
    const { noun } = this;
    const { moment } = this.motion;
    const said = mapSentence(moment, this.groups, noun);
    return html`<div class="whole" role="group" aria-label="Map of the stored ${noun}s" @focusout=${this.left}>
      <div class="plot">
        <canvas
          tabindex="0"
          role="application"
          aria-roledescription="map of ${noun}s"
          aria-label="Map of the stored ${noun}s. Arrow keys walk the ${noun}s from the newest to the oldest."
          @pointermove=${this.point}
          @pointerdown=${this.pick}
          @pointerleave=${this.leave}
          @keydown=${this.walk}
          @contextrestored=${this.wake}
        ></canvas>
        ${
          moment
            ? nothing
            : html`<p class="empty">${
                this.view?.recorded
                  ? "Up to this moment the recording holds no map."
                  : this.view?.opening
                    ? "The recorded moment holds no map. It comes with the live run."
                    : "Nothing is measured yet. The first probe draws the map."
              }</p>`
        }
      </div>
      <div class="side">
        ${this.legend()} ${moment ? this.table(moment.step, moment.images.length) : nothing}
        <div class="told">${this.told()}</div>
      </div>
      <spoken-summary .text=${said}></spoken-summary>
      <span class="heard walked" role="status">${this.walked}</span>
    </div>`;
  }

  private legend() {
    const { noun } = this;
    const blue = rampCss(1, theme(this));
    const red = rampCss(0.1, theme(this));
    return html`<div>
      <ul class="legend">
        <li>
          <svg viewBox="0 0 32 16" aria-hidden="true"><circle cx="16" cy="8" r="4" fill=${blue}></circle></svg>
          <span>${this.tip("map.keys", `a stored ${noun}`)}, near the pictures it resembles</span>
        </li>
        <li>
          <svg viewBox="0 0 32 16" aria-hidden="true">
            <line x1="6" y1="11" x2="30" y2="4" stroke=${red} stroke-width="1.4"></line>
            <circle cx="6" cy="11" r="4" fill=${red}></circle>
          </svg>
          <span>its line leads to ${this.tip("map.today", "where today’s encoder puts")} the same view</span>
        </li>
        <li>
          <svg viewBox="0 0 32 16" aria-hidden="true"><circle cx="16" cy="8" r="4" fill="none" stroke="var(--ink)" stroke-width="1.3"></circle></svg>
          <span>${this.tip("map.queries", "a query")} of the step</span>
        </li>
      </ul>
      <p class="scale">
        ${this.tip("key_agreement", "colour: agreement")} 0 <ramp-strip></ramp-strip> 1
      </p>
    </div>`;
  }

  private tip(name: string, text: string) {
    return html`<figure-tip .catalog=${this.figures} .view=${this.view} name=${name}>${text}</figure-tip>`;
  }

  private table(step: number, shown: number) {
    const { noun } = this;
    const of = this.view?.scalar("probe_n") ?? shown;
    const part = of > shown ? `${count(shown)} of the ${count(of)} ${noun}s probed` : `${count(shown)} ${noun}s`;
    return html`<table>
      <caption>Step ${count(step)}, ${part}${this.marked !== null && this.motion.waiting ? ", held while you look" : ""}</caption>
      <thead>
        <tr>
          <th scope="col">Age</th>
          <th scope="col">${noun === "row" ? "Rows" : "Keys"}</th>
          <th scope="col">${this.tip("key_agreement", "Agreement")}</th>
          <th scope="col">${this.tip("map_move", "Line")}</th>
        </tr>
      </thead>
      <tbody>
        ${this.groups.map(
          (group, place) => html`<tr
            class=${group === this.group ? "lit" : ""}
            @pointerenter=${(event: PointerEvent) => event.pointerType === "mouse" && this.lightGroup(place)}
            @pointerleave=${() => this.lightGroup(null)}
          >
            <th scope="row">
              <button
                type="button"
                aria-pressed=${place === this.chosenGroup}
                @click=${() => {
                  this.chosenGroup = place === this.chosenGroup ? null : place;
                }}
              >
                <svg class="swatch" viewBox="0 0 10 10" aria-hidden="true">
                  <circle cx="5" cy="5" r="4.4" fill=${rampCss(group.agreement, theme(this))}></circle></svg
                >${ageText(group)}
              </button>
            </th>
            <td>${count(group.keys.length)}</td>
            <td>${fixed(group.agreement)}</td>
            <td>${fixed(group.move)}</td>
          </tr>`,
        )}
      </tbody>
    </table>`;
  }

  private told() {
    const { moment } = this.motion;
    if (!moment) return nothing;
    if (this.marked !== null) return keyOnMapCard(moment, this.marked, this.noun, this.atlas, this.figures);
    if (this.landmark !== null) return landmarkCard(moment, this.landmark, this.atlas);
    return html`Touch or point at a dot, or walk with the arrow keys, to see whose it is. Colour is measured in all
      dimensions of the embedding, a line in the two of the map.`;
  }

  private lightGroup(place: number | null): void {
    this.pointedGroup = place;
  }

  private forget(): void {
    this.store.clear();
    this.motion.clear();
    this.release();
    this.requestUpdate();
  }

  private resize(): void {
    const size = Math.floor(this.plot.clientWidth);
    if (size === this.layout.size || size <= 0) return;
    this.layout = layMap(size);
    this.schedule();
  }

  protected override updated(): void {
    this.schedule();
  }

  /** One frame soon, unless nobody can see it. */
  private schedule(): void {
    if (!this.visible || !this.isConnected || this.frame) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.frame = nextFrame((now) => this.draw(now));
  }

  private draw(now: number): void {
    this.frame = null;
    this.motion.held = this.marked !== null;
    const frame = this.motion.frame(now);
    if (this.motion.moment !== this.grouped) this.requestUpdate();
    const context = this.canvas?.getContext("2d");
    if (context && this.layout.size > 0) {
      const ratio = Math.min(3, devicePixelRatio || 1);
      const side = Math.round(this.layout.size * ratio);
      sizeCanvas(this.canvas, side, side, ratio);
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      this.look ??= plateLook(this);
      paintMap(context, {
        layout: this.layout,
        frame,
        atlas: this.atlas,
        look: this.look,
        colours: { ground: token(this, "--sunken"), line: token(this, "--line") },
        lit: this.group ? new Set(this.group.keys) : null,
        marked: this.marked,
        landmark: this.landmark,
      });
    }
    const wait = this.motion.waits(now);
    if (wait === 0) this.schedule();
    else if (wait !== null) this.timer = setTimeout(this.wake, wait);
  }

  private readonly point = (event: PointerEvent) => {
    if (!this.picked) this.mark(event);
  };

  /** A click or a touch keeps its key until another, or one beside all keys. */
  private readonly pick = (event: PointerEvent) => {
    this.mark(event);
    this.picked = this.marked !== null || this.landmark !== null;
  };

  private mark({ offsetX, offsetY }: PointerEvent): void {
    const { moment } = this.motion;
    if (!moment) return;
    this.landmark = landmarkAt(this.layout, moment.landmarks, offsetX, offsetY);
    this.marked = this.landmark === null ? keyNear(this.layout, moment.keys, offsetX, offsetY) : null;
  }

  private readonly leave = () => {
    if (!this.picked) this.release();
  };

  /** The focus went out of the map, not only on to a figure's definition in it. */
  private readonly left = (event: FocusEvent) => {
    if (!this.renderRoot.contains(event.relatedTarget as Node | null)) this.release();
  };

  private release(): void {
    this.picked = false;
    this.marked = this.landmark = null;
    this.walked = "";
  }

  /** From the newest key to the oldest; keys lie oldest first. */
  private walk(event: KeyboardEvent): void {
    const { moment } = this.motion;
    if (!moment) return;
    const last = moment.images.length - 1;
    const at = this.marked === null ? null : last - this.marked;
    const group = Math.max(1, Math.round((last + 1) / Math.max(1, this.groups.length)));
    const next: Record<string, number> = {
      ArrowRight: at === null ? 0 : at + 1,
      ArrowDown: at === null ? 0 : at + 1,
      ArrowLeft: at === null ? 0 : at - 1,
      ArrowUp: at === null ? 0 : at - 1,
      PageDown: (at ?? 0) + group,
      PageUp: (at ?? 0) - group,
      Home: 0,
      End: last,
    };
    if (event.key === "Escape") this.release();
    const to = next[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.landmark = null;
    this.picked = true;
    this.marked = last - Math.min(last, Math.max(0, to));
    this.walked = `${keyOnMap(moment, this.marked, this.noun)}.`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "key-map": KeyMap;
  }
}
