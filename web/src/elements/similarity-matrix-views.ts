import { css, html, LitElement } from "lit";
import { customElement, property, query } from "lit/decorators.js";
import { toRgba } from "../draw/heatmap.js";
import { sizeCanvas } from "../draw/tokens.js";
import { pictureStart, type ViewPictures } from "../model/matrix-store.js";

/** The pictures of a batch's views on one canvas, built once for each new batch. */
export class ViewSheet {
  private readonly canvas = document.createElement("canvas");
  private held: ViewPictures | null = null;

  /** Draw one view into a square; false when that picture was not sent. */
  draw(
    context: CanvasRenderingContext2D,
    pictures: ViewPictures,
    view: number,
    image: number,
    x: number,
    y: number,
    side: number,
  ): boolean {
    if (view >= pictures.views || image >= pictures.count) return false;
    if (this.held !== pictures) this.build(pictures);
    const { size } = pictures;
    context.drawImage(this.canvas, image * size, view * size, size, size, x, y, side, side);
    return true;
  }

  /** Build it anew for the next picture: the browser may have emptied this canvas along with the one that shows. */
  forget(): void {
    this.held = null;
  }

  private build(pictures: ViewPictures): void {
    const { views, count, size } = pictures;
    this.canvas.width = count * size;
    this.canvas.height = views * size;
    const context = this.canvas.getContext("2d");
    for (let view = 0; view < views; view++) {
      for (let image = 0; image < count; image++) {
        const rgba = toRgba(pictures.data, pictureStart(pictures, view, image), size * size);
        context?.putImageData(new ImageData(rgba, size, size), image * size, view * size);
      }
    }
    this.held = pictures;
  }
}

/** One view of one image, enlarged; or two rows of them. Draws only when the pictures are new. */
@customElement("similarity-matrix-view")
export class SimilarityMatrixView extends LitElement {
  static override styles = css`
    :host { display: inline-block; line-height: 0; }
    canvas { display: block; border-radius: 3px; background: var(--sunken); }
    :host([fluid]),
    :host([fluid]) canvas { width: 100% !important; height: auto !important; }
  `;

  @property({ attribute: false }) pictures: ViewPictures | null = null;
  @property({ type: Number }) view = 0;
  @property({ type: Number }) image = 0;
  /** Side in CSS pixels. */
  @property({ type: Number }) size = 48;

  @query("canvas") private canvas!: HTMLCanvasElement;

  protected override render() {
    return html`<canvas aria-hidden="true" @contextrestored=${() => this.requestUpdate()}></canvas>`;
  }

  protected override updated(): void {
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    const side = Math.round(this.size * ratio);
    sizeCanvas(this.canvas, side, side, ratio);
    const context = this.canvas.getContext("2d");
    const { pictures, view, image } = this;
    if (!context) return;
    context.clearRect(0, 0, side, side);
    if (!pictures || view >= pictures.views || image >= pictures.count) return;
    const pixels = pictures.size * pictures.size;
    const small = document.createElement("canvas");
    small.width = small.height = pictures.size;
    const rgba = toRgba(pictures.data, pictureStart(pictures, view, image), pixels);
    small.getContext("2d")?.putImageData(new ImageData(rgba, pictures.size, pictures.size), 0, 0);
    context.imageSmoothingQuality = "high";
    context.drawImage(small, 0, 0, side, side);
  }
}
