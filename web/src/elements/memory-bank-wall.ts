import { css, html, LitElement, type PropertyValues } from "lit";
import { customElement, property, query } from "lit/decorators.js";
import { packRgb, rampPixels, UNMEASURED } from "../draw/palette.js";
import { drawPhoto, type PhotoLook, photoLook } from "../draw/photo.js";
import { mixRgb, sizeCanvas, token, tokenRgb } from "../draw/tokens.js";
import {
  cornerOf,
  layoutWall,
  levelOf,
  placeAt,
  stateOf,
  type WallColours,
  type WallLayout,
  WallPixels,
  type WallRows,
  walk,
} from "../draw/wall.js";
import type { Atlas } from "../model/atlas.js";
import { type BankState, levelsByAge, oldestAge, orderByAge, spread } from "../model/bank.js";
import { onTheme, theme } from "../theme.js";

/** Rows shown as pictures in the close-up. */
export const CLOSE_ROWS = 160;

/** Read once a theme: to ask for a token makes the browser work out all styles. */
interface WallLook {
  readonly wall: WallColours;
  readonly photo: PhotoLook;
  /** CSS pixels that it may be high, where its figure must be low. */
  readonly height: number | null;
  readonly surface: string;
  readonly ink: string;
  readonly mark: string;
}

/**
 * All rows of the bank as cells on one canvas, or a close-up of some of them as photos.
 *
 * @fires row-point - the row under the pointer or the keyboard mark, or null: {row}
 * @fires row-pick - the row that was clicked or reached by keyboard: {row, walked}, walked by keyboard
 */
@customElement("memory-bank-wall")
export class MemoryBankWall extends LitElement {
  static override styles = css`
    :host { display: block; }
    div { display: flex; justify-content: center; }
    canvas { display: block; max-width: 100%; border-radius: 2px; touch-action: pan-y; cursor: crosshair; }
    canvas:focus-visible { outline: 2px solid var(--focus); outline-offset: 3px; }
  `;

  @property({ attribute: false }) bank: BankState | null = null;
  /** Drawn again when it changes. */
  @property({ attribute: false }) version = 0;
  @property({ attribute: false }) atlas: Atlas | null = null;
  @property() order: "image" | "age" = "image";
  /** Close-up: an even share of the rows, as photos. */
  @property({ type: Boolean }) close = false;
  /** Row that is marked. */
  @property({ attribute: false }) marked: number | null = null;
  /** Rows that stand out: the batch of a step in slow motion. */
  @property({ attribute: false }) lit: Uint32Array | null = null;
  /** Rows up to this age stand out as just written. */
  @property({ attribute: false }) freshAge = 0;
  /** Rows a step, for PageUp and PageDown. */
  @property({ attribute: false }) batch = 64;
  @property() label = "";

  @query("canvas") private canvas!: HTMLCanvasElement;
  private layout: WallLayout = layoutWall(1, 1, 1);
  private places: Uint32Array | null = null;
  private image: ImageData | null = null;
  private wall: WallPixels | null = null;
  private room = 0;
  private look: WallLook | null = null;
  private stopTheme: (() => void) | undefined;
  private readonly sheets = () => this.requestUpdate();
  private readonly resize = new ResizeObserver(([entry]) => {
    const width = Math.floor(entry?.contentRect.width ?? 0);
    if (width !== this.room) {
      this.room = width;
      this.look = null; // how high it may be goes with the width
      this.requestUpdate();
    }
  });

  override connectedCallback(): void {
    super.connectedCallback();
    this.resize.observe(this);
    this.stopTheme = onTheme(() => {
      this.look = null;
      this.requestUpdate();
    });
    this.atlas?.addEventListener("load", this.sheets);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.resize.disconnect();
    this.stopTheme?.();
    this.atlas?.removeEventListener("load", this.sheets);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has("atlas")) return;
    changed.get("atlas")?.removeEventListener("load", this.sheets);
    this.atlas?.addEventListener("load", this.sheets);
  }

  protected override render() {
    return html`<div>
      <canvas
        width="0"
        height="0"
        tabindex="0"
        role="application"
        aria-label=${this.label}
        aria-roledescription="wall of rows"
        @pointermove=${this.point}
        @pointerleave=${() => this.tell("row-point", null)}
        @pointerdown=${this.pick}
        @keydown=${this.key}
        @contextrestored=${() => this.requestUpdate()}
      ></canvas>
    </div>`;
  }

  protected override updated(): void {
    if (this.bank && this.bank.rowStep.length > 0 && this.room > 0) this.draw(this.bank);
  }

  private draw(bank: BankState): void {
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    const all = bank.rowStep.length;
    const count = this.close ? Math.min(all, CLOSE_ROWS) : all;
    const phone = this.room < 560;
    this.look ??= this.readLook();
    const height = Math.min(this.look.height ?? Number.POSITIVE_INFINITY, this.room * (phone ? 0.95 : 0.4));
    this.layout = layoutWall(count, this.room * ratio, height * ratio, this.order === "age");
    this.places = this.placesFor(bank, count);
    const rows: WallRows = {
      step: bank.step,
      written: bank.rowStep,
      order: this.places,
      levels: levelsByAge(bank.curve, oldestAge(bank)),
      freshAge: this.freshAge,
    };
    const { width, height: tall } = this.layout;
    sizeCanvas(this.canvas, width, tall, ratio);
    const context = this.canvas.getContext("2d");
    if (!context) return;
    if (this.close) this.drawPhotos(context, rows, this.look.photo);
    else {
      if (!this.image || !sameWall(this.wall, this.layout, this.look.wall)) {
        this.image = new ImageData(width, tall);
        this.wall = new WallPixels(new Uint32Array(this.image.data.buffer), this.layout, this.look.wall);
      }
      this.wall?.take(rows);
      context.putImageData(this.image, 0, 0);
    }
    for (const row of this.lit ?? []) this.drawMark(context, ratio, row, this.look.mark);
    this.drawMark(context, ratio, this.marked, this.look.ink);
  }

  private placesFor(bank: BankState, count: number): Uint32Array | null {
    if (this.order === "age") return this.close ? spread(orderByAge(bank), count) : orderByAge(bank);
    if (!this.close) return null;
    return spread(
      Uint32Array.from({ length: bank.rowStep.length }, (_, row) => row),
      count,
    );
  }

  private drawPhotos(context: CanvasRenderingContext2D, rows: WallRows, look: PhotoLook): void {
    context.fillStyle = this.look?.surface ?? "";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    const { pitch } = this.layout;
    for (let place = 0; place < this.layout.count; place++) {
      const image = this.places?.[place] ?? place;
      const { x, y } = cornerOf(this.layout, place);
      const state = stateOf(rows, image);
      const level = levelOf(rows, image);
      drawPhoto(
        context,
        this.atlas,
        {
          image,
          consistency: level === null ? null : level / 255,
          state: state === "never" || state === "fresh" ? state : "known",
        },
        x + 1,
        y + 1,
        pitch - 3,
        look,
      );
    }
  }

  private drawMark(context: CanvasRenderingContext2D, ratio: number, row: number | null, colour: string): void {
    const place = this.placeOf(row);
    if (place === null) return;
    const { x, y } = cornerOf(this.layout, place);
    const grow = 2 * ratio;
    const side = this.layout.pitch - 1 + 2 * grow;
    context.lineWidth = 3.5 * ratio;
    context.strokeStyle = this.look?.surface ?? "";
    context.strokeRect(x - grow, y - grow, side, side);
    context.lineWidth = 2 * ratio;
    context.strokeStyle = colour;
    context.strokeRect(x - grow, y - grow, side, side);
  }

  private placeOf(row: number | null): number | null {
    if (row === null) return null;
    const place = this.places === null ? row : this.places.indexOf(row);
    return place >= 0 && place < this.layout.count ? place : null;
  }

  private readLook(): WallLook {
    const now = theme(this);
    const fresh = mixRgb(tokenRgb(this, "--tune"), tokenRgb(this, "--ink"), 0.25);
    return {
      wall: {
        ground: packRgb(tokenRgb(this, "--surface")),
        ramp: rampPixels(now),
        fresh: packRgb(fresh),
        hollow: packRgb(tokenRgb(this, "--line-strong")),
        unmeasured: packRgb(UNMEASURED[now]),
      },
      photo: photoLook(this),
      surface: token(this, "--surface"),
      ink: token(this, "--ink"),
      height: Number(token(this, "--wall-height")) || null,
      mark: token(this, "--mark"),
    };
  }

  private rowUnder(event: PointerEvent): number | null {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / Math.max(1, box.width);
    const place = placeAt(this.layout, (event.clientX - box.left) * scale, (event.clientY - box.top) * scale);
    return place === null ? null : (this.places?.[place] ?? place);
  }

  private readonly point = (event: PointerEvent) => this.tell("row-point", this.rowUnder(event));
  private readonly pick = (event: PointerEvent) => this.tell("row-pick", this.rowUnder(event));

  private readonly key = (event: KeyboardEvent) => {
    const place = this.placeOf(this.marked) ?? 0;
    const next = (right: number, down: number): number => walk(this.layout, place, right, down);
    const jump = (by: number): number => Math.max(0, Math.min(this.layout.count - 1, place + by));
    const moves: Record<string, () => number> = {
      ArrowRight: () => next(1, 0),
      ArrowLeft: () => next(-1, 0),
      ArrowDown: () => next(0, 1),
      ArrowUp: () => next(0, -1),
      PageDown: () => jump(this.batch),
      PageUp: () => jump(-this.batch),
      Home: () => 0,
      End: () => this.layout.count - 1,
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const to = move();
    this.tell("row-pick", this.places?.[to] ?? to, true);
  };

  private tell(name: "row-point" | "row-pick", row: number | null, walked = false): void {
    this.dispatchEvent(new CustomEvent(name, { detail: { row, walked }, bubbles: true, composed: true }));
  }
}

function sameWall(wall: WallPixels | null, layout: WallLayout, colours: WallColours): boolean {
  if (wall?.colours !== colours) return false;
  return (Object.keys(layout) as (keyof WallLayout)[]).every((name) => wall.layout[name] === layout[name]);
}
