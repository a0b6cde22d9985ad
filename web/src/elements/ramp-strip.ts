import { css, html, LitElement } from "lit";
import { customElement, property, query } from "lit/decorators.js";
import { matrixLook } from "../draw/matrix-look.js";
import { rampPixels } from "../draw/palette.js";
import { onTheme, theme } from "../theme.js";

/** A colour scale for a legend, left end lowest: consistency 0..1, or cosines of the matrix -1..1. */
@customElement("ramp-strip")
export class RampStrip extends LitElement {
  static override styles = css`
    :host {
      display: inline-block;
      box-sizing: border-box;
      width: 6rem;
      height: 0.85rem;
      border: 1px solid var(--line);
      border-radius: 2px;
      overflow: hidden;
    }
    :host([kind="positive"]) { border-color: var(--positive); }
    canvas { display: block; width: 100%; height: 100%; }
  `;

  @property({ reflect: true }) kind: "consistency" | "positive" | "negative" = "consistency";

  @query("canvas") private canvas!: HTMLCanvasElement;
  private stopTheme: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.stopTheme = onTheme(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stopTheme?.();
  }

  protected override render() {
    return html`<canvas width="256" height="1" aria-hidden="true"></canvas>`;
  }

  protected override updated(): void {
    const pixels = new ImageData(256, 1);
    const table = this.kind === "consistency" ? rampPixels(theme(this)) : matrixLook(this)[this.kind];
    new Uint32Array(pixels.data.buffer).set(table);
    this.canvas.getContext("2d")?.putImageData(pixels, 0, 0);
  }
}
