import { css, html, LitElement, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import type { Catalog } from "../api.js";
import { KeyField } from "../draw/key-field.js";
import { type PlateLook, paintPlate, plateLook } from "../draw/plate.js";
import { sizeCanvas } from "../draw/tokens.js";
import type { Atlas } from "../model/atlas.js";
import { factsOfKey, type KeyFacts } from "../model/key-facts.js";
import { cellOf, type KeyGrid, layKeys, rankAt } from "../model/key-grid.js";
import { RunController } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { count } from "../model/say.js";
import { onTheme } from "../theme.js";
import { house } from "./house.js";
import { keyCard, keyCardStyles, keySentence } from "./key-card.js";

/** Cells at least this wide (in pixels) show their pictures; smaller ones are a field of colour. */
const NEAR = 15;
/** The lens shows this many neighbours to either side. */
const LENS = 4;
const LENS_SIZE = 34;

/** Every key of the queue, newest to oldest: far away a field of colour, near the eye pictures. */
@customElement("key-strip")
export class KeyStrip extends LitElement {
  @property({ attribute: false }) view: RunView | null = null;
  @property({ attribute: false }) catalog: Catalog | null = null;
  @property({ attribute: false }) atlas: Atlas | null = null;

  /** Rank under the pointer or the keyboard, 0 for the newest. */
  @state() private rank: number | null = null;

  @query("canvas.field") private canvas!: HTMLCanvasElement;
  @query("canvas.lens") private lens!: HTMLCanvasElement | null;
  @query(".pop") private pop!: HTMLElement | null;

  private field = new KeyField();
  /** What the canvas shows besides the field: while it stays, only another field is drawn. */
  private shown = "";
  private room = { width: 0, height: 0 };
  private grid: KeyGrid | null = null;
  private look: PlateLook | null = null;
  private stops: (() => void)[] = [];
  private readonly again = () => {
    this.shown = "";
    this.requestUpdate();
  };

  constructor() {
    super();
    new RunController(this, () => this.view, ["tick"]);
  }

  static override styles = [
    house,
    keyCardStyles,
    css`
      :host {
        position: relative;
      }
      .field {
        display: block;
        width: 100%;
        height: 3.25rem;
        border-radius: 6px;
        background: var(--sunken);
        outline-offset: 3px;
        cursor: crosshair;
        touch-action: pan-y;
      }
      .pop {
        position: absolute;
        z-index: 5;
        bottom: calc(100% + 0.6rem);
        left: 0;
        display: grid;
        gap: 0.4rem;
        justify-items: center;
        width: max-content;
        pointer-events: none;
      }
      .lens {
        border: 1px solid var(--line);
        border-radius: 2rem;
        background: var(--belt);
        box-shadow: 0 0.5rem 2rem var(--shade);
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    const resize = new ResizeObserver(() => {
      // Read here, where the layout is known: asked for at a tick it would have to be made first.
      this.room = { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
      this.again();
    });
    resize.observe(this);
    this.stops = [
      () => resize.disconnect(),
      onTheme(() => {
        this.look = null;
        this.again();
      }),
    ];
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const stop of this.stops) stop();
    this.atlas?.removeEventListener("load", this.again);
  }

  private get held(): number {
    return this.view?.dictionary.fill ?? 0;
  }

  private get facts(): KeyFacts | null {
    const dictionary = this.view?.dictionary;
    if (!dictionary || this.rank === null) return null;
    return factsOfKey(dictionary, dictionary.written - 1 - Math.min(this.rank, this.held - 1));
  }

  override render() {
    const facts = this.facts;
    return html`
      <canvas
        class="field"
        role="slider"
        tabindex="0"
        aria-label="Walk the keys, newest to oldest"
        aria-valuemin="1"
        aria-valuemax=${Math.max(1, this.held)}
        aria-valuenow=${(this.rank ?? 0) + 1}
        aria-valuetext=${facts ? keySentence(facts, this.held) : `${count(this.held)} keys`}
        @pointermove=${this.point}
        @pointerdown=${this.point}
        @pointerleave=${this.leave}
        @keydown=${this.walk}
        @contextrestored=${this.restore}
        @blur=${this.leave}
      ></canvas>
      ${
        facts
          ? html`<div class="pop">
              <canvas class="lens" aria-hidden="true"></canvas>
              ${keyCard(facts, this.atlas, this.catalog)}
            </div>`
          : nothing
      }
    `;
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has("view")) this.shown = "";
    if (changed.has("atlas")) {
      this.shown = "";
      (changed.get("atlas") as Atlas | null | undefined)?.removeEventListener("load", this.again);
      this.atlas?.addEventListener("load", this.again);
    }
  }

  override updated(): void {
    this.look ??= plateLook(this);
    this.drawField();
    if (this.rank !== null) this.drawLens();
  }

  private drawField(): void {
    const dictionary = this.view?.dictionary;
    const { width, height } = this.room;
    if (!dictionary?.ready || dictionary.size === 0 || width === 0) return;
    const ratio = Math.min(3, devicePixelRatio || 1);
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== w) this.canvas.width = w;
    if (this.canvas.height !== h) this.canvas.height = h;
    const grid = layKeys(dictionary.size, width, height);
    this.grid = grid;
    const near = Math.min(grid.cellWidth, grid.cellHeight) >= NEAR;
    const shown = [w, h, dictionary.size, this.rank, this.held, near && dictionary.written].join();
    if (!this.field.take(dictionary, grid, this.look!.theme) && shown === this.shown) return;
    this.shown = shown;
    const context = this.canvas.getContext("2d");
    if (!context) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.field.paint(context, grid, width, height);
    if (near) this.drawPictures(context, grid);
    if (this.rank !== null && this.rank < this.held) {
      const { x, y } = cellOf(grid, this.rank);
      const [cw, ch] = [Math.max(6, grid.cellWidth), Math.max(6, grid.cellHeight)];
      context.strokeStyle = this.look!.ink;
      context.lineWidth = 2;
      context.strokeRect(x + (grid.cellWidth - cw) / 2, y + (grid.cellHeight - ch) / 2, cw, ch);
    }
  }

  private drawPictures(context: CanvasRenderingContext2D, grid: KeyGrid): void {
    const dictionary = this.view!.dictionary;
    const side = Math.min(grid.cellWidth, grid.cellHeight) - 5;
    context.save();
    for (let rank = 0; rank < dictionary.fill; rank += 1) {
      const { x, y } = cellOf(grid, rank);
      const serial = dictionary.written - 1 - rank;
      const left = x + (grid.cellWidth - side) / 2;
      const top = y + (grid.cellHeight - side) / 2;
      context.fillStyle = this.look!.plate;
      context.fillRect(left, top, side, side);
      const consistency = dictionary.consistencyAt(dictionary.ageAt(serial)) ?? 0.75;
      context.globalAlpha = 0.38 + 0.62 * Math.max(0, Math.min(1, consistency));
      this.atlas?.draw(context, dictionary.imageAt(serial), left, top, side);
      context.globalAlpha = 1;
    }
    context.restore();
  }

  /** The keys around the pointer as plates, the chosen one in the middle. */
  private drawLens(): void {
    const { lens, pop } = this;
    const dictionary = this.view?.dictionary;
    if (!lens || !pop || !dictionary || this.rank === null || !this.grid) return;
    const ratio = Math.min(3, devicePixelRatio || 1);
    const across = (2 * LENS + 1) * LENS_SIZE;
    sizeCanvas(lens, Math.round(across * ratio), Math.round((LENS_SIZE + 8) * ratio), ratio);
    const context = lens.getContext("2d");
    if (!context) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, across, LENS_SIZE + 8);
    const middle = dictionary.written - 1 - Math.min(this.rank, this.held - 1);
    for (let place = -LENS; place <= LENS; place += 1) {
      const facts = factsOfKey(dictionary, middle - place);
      if (!facts) continue;
      const radius = (LENS_SIZE / 2) * (place === 0 ? 1.12 : 0.9);
      const face = { image: facts.image, consistency: facts.consistency, opacity: 1 };
      paintPlate(context, this.atlas, face, (place + LENS + 0.5) * LENS_SIZE, LENS_SIZE / 2 + 4, radius, this.look!);
    }
    const at = cellOf(this.grid, this.rank).x;
    const room = this.clientWidth - pop.offsetWidth;
    pop.style.left = `${Math.max(0, Math.min(room, at - pop.offsetWidth / 2))}px`;
  }

  private point(event: PointerEvent): void {
    if (!this.grid) return;
    const rank = rankAt(this.grid, this.held, event.offsetX, event.offsetY);
    if (rank !== this.rank) this.rank = rank;
  }

  /** The browser lost what was drawn, the sheet of the field included. */
  private restore(): void {
    this.field = new KeyField();
    this.again();
  }

  private leave(): void {
    this.rank = null;
  }

  private walk(event: KeyboardEvent): void {
    if (this.held === 0) return;
    const batch = this.view?.scalar("batch_size") ?? 64;
    const last = this.held - 1;
    const at = this.rank ?? 0;
    const next: Record<string, number> = {
      ArrowRight: at + 1,
      ArrowDown: at + 1,
      ArrowLeft: at - 1,
      ArrowUp: at - 1,
      PageDown: at + batch,
      PageUp: at - batch,
      Home: 0,
      End: last,
    };
    if (event.key === "Escape") this.rank = null;
    const to = next[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.rank = Math.min(last, Math.max(0, to));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "key-strip": KeyStrip;
  }
}
