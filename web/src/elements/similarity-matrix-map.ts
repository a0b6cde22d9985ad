import { css, html, LitElement } from "lit";
import { customElement, property, query } from "lit/decorators.js";
import {
  cellAt,
  cellCorner,
  edgePicture,
  edgeRowAt,
  FADED,
  type LitCells,
  layoutMatrix,
  type MatrixLayout,
  paintMatrix,
  standsOut,
} from "../draw/heatmap.js";
import { type MatrixLook, matrixLook } from "../draw/matrix-look.js";
import { packedCss } from "../draw/palette.js";
import { sizeCanvas } from "../draw/tokens.js";
import type { Atlas } from "../model/atlas.js";
import { type CellKind, kindOf, positiveOf, shownRows } from "../model/matrix.js";
import type { MatrixStore } from "../model/matrix-store.js";
import type { Term } from "../model/terms.js";
import { onTheme } from "../theme.js";
import { ViewSheet } from "./similarity-matrix-views.js";

/** A cell by its row and column in the whole matrix. */
export interface Cell {
  readonly row: number;
  readonly column: number;
}

/** What the lesson's text calls a kind of cell. */
const TERMS = { positive: "positive", negative: "negative", self: "diagonal" } as const satisfies Record<
  CellKind,
  Term
>;

/**
 * The matrix as a heat map with the pictures of its rows and columns along two edges.
 *
 * Its attribute `over` says which of the text's terms the pointer or the keyboard is at: a kind of cell, or a row.
 *
 * @fires cell-point - the cell under the pointer, or null; at the picture of a row, the row's positive: {cell}
 * @fires cell-pick - the cell that was clicked or reached by keyboard: {cell, walked}, walked by keyboard
 */
@customElement("similarity-matrix-map")
export class SimilarityMatrixMap extends LitElement {
  static override styles = css`
    :host { display: block; }
    canvas { display: block; touch-action: pan-y; cursor: crosshair; }
    canvas:focus-visible { outline: 2px solid var(--focus); outline-offset: 3px; }
  `;

  @property({ attribute: false }) store: MatrixStore | null = null;
  /** Drawn again when it changes. */
  @property({ attribute: false }) version = 0;
  @property({ attribute: false }) atlas: Atlas | null = null;
  /** Images shown, from the first of the batch. */
  @property({ type: Number }) shown = 16;
  @property({ attribute: false }) marked: Cell | null = null;
  @property() label = "";
  /** Set while the text speaks of a part of the matrix: all other cells fade. A row is the marked cell's. */
  @property() lit: Term | null = null;

  @query("canvas") private canvas!: HTMLCanvasElement;
  private layout: MatrixLayout = layoutMatrix(100, 2, 1);
  private rows: Uint32Array = new Uint32Array(0);
  private look: MatrixLook | null = null;
  private room = 0;
  private readonly cells = document.createElement("canvas");
  private readonly sheet = new ViewSheet();
  private stopTheme: (() => void) | undefined;
  private readonly resize = new ResizeObserver(([entry]) => {
    const width = Math.floor(entry?.contentRect.width ?? 0);
    if (width !== this.room) {
      this.room = width;
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
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.resize.disconnect();
    this.stopTheme?.();
  }

  protected override render() {
    return html`<canvas
      tabindex="0"
      role="application"
      aria-roledescription="similarity matrix"
      aria-label=${this.label}
      @pointermove=${(event: PointerEvent) => this.pointAt("cell-point", event)}
      @pointerleave=${() => this.tell("cell-point", null)}
      @pointerdown=${(event: PointerEvent) => this.pointAt("cell-pick", event)}
      @focusin=${() => this.over(this.marked)}
      @focusout=${() => this.over(null)}
      @keydown=${this.key}
      @contextrestored=${this.restore}
    ></canvas>`;
  }

  private readonly restore = () => {
    this.sheet.forget();
    this.requestUpdate();
  };

  protected override updated(): void {
    if (this.room === 0) return;
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    const store = this.store;
    const images = store?.images || this.shown;
    this.rows = shownRows(images, this.shown);
    this.layout = layoutMatrix(this.room * ratio, this.rows.length, 13 * ratio);
    const side = Math.round(this.layout.side);
    sizeCanvas(this.canvas, side, side, ratio);
    const context = this.canvas.getContext("2d");
    if (!context) return;
    this.look ??= matrixLook(this);
    context.fillStyle = this.look.paper;
    context.fillRect(0, 0, side, side);
    if (store?.matrix) {
      this.drawCells(context, store, store.matrix, this.look);
      this.drawEdges(context, store);
    }
    this.drawShapes(context, images, this.look, ratio, store?.matrix != null);
  }

  private drawCells(context: CanvasRenderingContext2D, store: MatrixStore, matrix: Uint8Array, look: MatrixLook): void {
    const count = this.rows.length;
    if (this.cells.width !== count) this.cells.width = this.cells.height = count;
    const small = this.cells.getContext("2d");
    if (!small) return;
    const pixels = new ImageData(count, count);
    paintMatrix(new Uint32Array(pixels.data.buffer), matrix, store.images, this.rows, look, this.litCells);
    small.putImageData(pixels, 0, 0);
    // Below a pixel a cell is averaged into its neighbours; otherwise whole rows would be left out.
    context.imageSmoothingEnabled = this.layout.cell < 1;
    const extent = count * this.layout.cell;
    context.drawImage(this.cells, this.layout.edge, this.layout.edge, extent, extent);
    if (this.layout.cell < 3) this.drawStripes(context, store.images, matrix, look);
  }

  /** Where cells are too small for a shape, positives and diagonal are wider than their cells: stripes at any size. */
  private drawStripes(context: CanvasRenderingContext2D, images: number, matrix: Uint8Array, look: MatrixLook): void {
    const side = Math.max(2 * Math.min(3, devicePixelRatio || 1), this.layout.cell);
    const kept = this.rows.length / 2;
    for (let place = 0; place < 2 * kept; place++) {
      const row = this.rows[place] ?? 0;
      const across = place < kept ? place + kept : place - kept;
      const byte = matrix[row * 2 * images + positiveOf(row, images)] ?? 0;
      for (const [column, colour] of [
        [place, look.self],
        [across, look.positive[byte] ?? 0],
      ] as const) {
        const { x, y } = cellCorner(this.layout, place, column);
        const off = (this.layout.cell - side) / 2;
        context.fillStyle = packedCss(colour);
        context.globalAlpha = standsOut(this.litCells, row, this.rows[column] ?? 0, images) ? 1 : FADED / 255;
        context.fillRect(Math.round(x + off), Math.round(y + off), Math.round(side), Math.round(side));
      }
    }
    context.globalAlpha = 1;
  }

  /** Pictures along the top and the left; where the batch's own views are not known, the originals. */
  private drawEdges(context: CanvasRenderingContext2D, store: MatrixStore): void {
    const { picture } = this.layout;
    const side = Math.max(1, picture - 1);
    const views = store.matching;
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    this.rows.forEach((row, place) => {
      const view = row < store.images ? 0 : 1;
      const image = row - view * store.images;
      const top = edgePicture(this.layout, place);
      for (const [x, y] of [
        [top.x, top.y],
        [top.y, top.x],
      ] as const) {
        if (views && this.sheet.draw(context, views, view, image, x, y, side)) continue;
        const id = store.ids[image];
        if (id !== undefined) this.atlas?.draw(context, id, x, y, side);
      }
    });
  }

  /** What is more than colour: blue outlines of positives, the hatched diagonal, the cross of the marked cell. */
  private drawShapes(
    context: CanvasRenderingContext2D,
    images: number,
    look: MatrixLook,
    ratio: number,
    filled: boolean,
  ): void {
    const { cell, cells, edge } = this.layout;
    const end = edge + cells * cell;
    const half = edge + (cells / 2) * cell;
    context.save();
    const lit = this.litCells;
    context.strokeStyle = lit === "self" ? look.mark : look.hatch;
    context.globalAlpha = lit === null || lit === "self" ? 1 : FADED / 255;
    context.lineWidth = Math.max(1, ratio);
    context.beginPath();
    for (let place = 0; place < cells; place++) {
      const { x, y } = cellCorner(this.layout, place, place);
      const lines = cell >= 10 ? 3 : 1;
      for (let line = 1; line <= lines; line++) {
        const at = (line / (lines + 1)) * 2 * cell;
        context.moveTo(x + Math.max(0, at - cell), y + Math.min(cell, at));
        context.lineTo(x + Math.min(cell, at), y + Math.max(0, at - cell));
      }
    }
    if (filled) context.stroke();
    context.strokeStyle = look.line;
    context.globalAlpha = 0.5;
    context.strokeRect(edge - 0.5, edge - 0.5, end - edge + 1, end - edge + 1);
    context.beginPath();
    context.moveTo(half, edge);
    context.lineTo(half, end);
    context.moveTo(edge, half);
    context.lineTo(end, half);
    context.stroke();
    context.globalAlpha = 1;
    if (cell >= 3) {
      const line = Math.max(1, Math.min(2.5 * ratio, cell * 0.14));
      context.strokeStyle = look.outline;
      context.lineWidth = line;
      this.rows.forEach((row, place) => {
        const partner = positiveOf(row, images);
        const { x, y } = cellCorner(this.layout, place, this.rows.indexOf(partner));
        context.globalAlpha = standsOut(lit, row, partner, images) ? 1 : FADED / 255;
        context.strokeRect(x + line / 2, y + line / 2, cell - line, cell - line);
      });
    }
    context.globalAlpha = 1;
    this.drawCross(context, look, ratio);
    context.restore();
  }

  private drawCross(context: CanvasRenderingContext2D, look: MatrixLook, ratio: number): void {
    if (!this.marked) return;
    const row = this.rows.indexOf(this.marked.row);
    const column = this.rows.indexOf(this.marked.column);
    if (row < 0 || column < 0) return;
    const { cell } = this.layout;
    const { x, y } = cellCorner(this.layout, row, column);
    const left = edgePicture(this.layout, row);
    const top = edgePicture(this.layout, column);
    const { picture } = this.layout;
    context.strokeStyle = look.mark;
    context.lineWidth = 2 * ratio;
    context.strokeRect(left.y, left.x, picture - 1, picture - 1);
    context.strokeRect(top.x, top.y, picture - 1, picture - 1);
    context.strokeRect(x - ratio, y - ratio, cell + 2 * ratio, cell + 2 * ratio);
    context.lineWidth = ratio;
    context.globalAlpha = 0.45;
    context.beginPath();
    context.moveTo(left.y + picture, y + cell / 2);
    context.lineTo(x, y + cell / 2);
    context.moveTo(x + cell / 2, top.y + picture);
    context.lineTo(x + cell / 2, y);
    context.stroke();
    context.globalAlpha = 1;
  }

  /** The cells that the text speaks of. */
  private get litCells(): LitCells | null {
    if (this.lit === "row") return { row: this.marked?.row ?? 0 };
    return (Object.keys(TERMS) as CellKind[]).find((kind) => TERMS[kind] === this.lit) ?? null;
  }

  private pointAt(name: "cell-point" | "cell-pick", event: PointerEvent): void {
    const { store } = this;
    const box = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / Math.max(1, box.width);
    const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    const at = store?.matrix ? cellAt(this.layout, x, y) : null;
    const row = store?.matrix ? this.rows[edgeRowAt(this.layout, x, y) ?? -1] : undefined;
    if (store && row !== undefined) this.tell(name, { row, column: positiveOf(row, store.images) }, { term: "row" });
    else this.tell(name, at && { row: this.rows[at.row]!, column: this.rows[at.column]! });
  }

  /** Say what the pointer or the keyboard is at, in the text's terms. */
  private over(cell: Cell | null, term?: Term): void {
    const kind = cell && this.store?.matrix ? kindOf(cell.row, cell.column, this.store.images) : null;
    if (kind) this.setAttribute("over", term ?? TERMS[kind]);
    else this.removeAttribute("over");
  }

  private readonly key = (event: KeyboardEvent) => {
    const row = Math.max(0, this.rows.indexOf(this.marked?.row ?? 0));
    const column = Math.max(0, this.rows.indexOf(this.marked?.column ?? 0));
    const half = this.rows.length / 2;
    const moves: Record<string, readonly [number, number]> = {
      ArrowRight: [0, 1],
      ArrowLeft: [0, -1],
      ArrowDown: [1, 0],
      ArrowUp: [-1, 0],
      PageDown: [half, 0],
      PageUp: [-half, 0],
      Home: [0, -column],
      End: [0, this.rows.length - 1 - column],
    };
    const move = moves[event.key];
    if (!move || !this.store?.matrix) return;
    event.preventDefault();
    const inside = (place: number): number => Math.max(0, Math.min(this.rows.length - 1, place));
    const cell = { row: this.rows[inside(row + move[0])]!, column: this.rows[inside(column + move[1])]! };
    this.tell("cell-pick", cell, { walked: true });
  };

  private tell(
    name: "cell-point" | "cell-pick",
    cell: Cell | null,
    { term, walked = false }: { term?: Term; walked?: boolean } = {},
  ): void {
    this.over(cell, term);
    this.dispatchEvent(new CustomEvent(name, { detail: { cell, walked }, bubbles: true, composed: true }));
  }
}
