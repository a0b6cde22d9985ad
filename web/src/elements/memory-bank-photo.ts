import { css, html, LitElement, type PropertyValues } from "lit";
import { customElement, property, query } from "lit/decorators.js";
import { drawPhoto, type PhotoLook, photoLook } from "../draw/photo.js";
import { sizeCanvas } from "../draw/tokens.js";
import type { Atlas } from "../model/atlas.js";
import { onTheme } from "../theme.js";

/** One picture of the image set as an ID photo, as pale as its row is out of tune. Draws only when that changes. */
@customElement("memory-bank-photo")
export class MemoryBankPhoto extends LitElement {
  static override styles = css`
    :host { display: inline-block; line-height: 0; }
    canvas { display: block; }
    :host([fluid]),
    :host([fluid]) canvas { width: 100% !important; height: auto !important; }
  `;

  @property({ attribute: false }) atlas: Atlas | null = null;
  @property({ type: Number }) image = 0;
  /** 0..1, or null where nothing was measured. */
  @property({ attribute: false }) consistency: number | null = null;
  @property() state: "never" | "fresh" | "known" = "known";
  /** Side in CSS pixels. */
  @property({ type: Number }) size = 56;

  @query("canvas") private canvas!: HTMLCanvasElement;
  private look: PhotoLook | null = null;
  private stopTheme: (() => void) | undefined;
  private readonly again = () => {
    this.look = null;
    this.requestUpdate();
  };

  override connectedCallback(): void {
    super.connectedCallback();
    this.stopTheme = onTheme(this.again);
    this.atlas?.addEventListener("load", this.again);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stopTheme?.();
    this.atlas?.removeEventListener("load", this.again);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has("atlas")) return;
    changed.get("atlas")?.removeEventListener("load", this.again);
    this.atlas?.addEventListener("load", this.again);
  }

  protected override render() {
    return html`<canvas aria-hidden="true" @contextrestored=${this.again}></canvas>`;
  }

  protected override updated(): void {
    const ratio = Math.min(3, window.devicePixelRatio || 1);
    const side = Math.round(this.size * ratio);
    sizeCanvas(this.canvas, side, side, ratio);
    const context = this.canvas.getContext("2d");
    if (!context) return;
    this.look ??= photoLook(this);
    context.clearRect(0, 0, side, side);
    const { image, consistency, state } = this;
    drawPhoto(context, this.atlas, { image, consistency, state }, 0, 0, side, this.look);
  }
}
