import { css, html, LitElement, type PropertyValues } from "lit";
import { customElement, property, query } from "lit/decorators.js";
import { sizeCanvas } from "../draw/tokens.js";
import type { Atlas } from "../model/atlas.js";

/** One picture of the image set, as it is: no frame, nothing measured. */
@customElement("plain-photo")
export class PlainPhoto extends LitElement {
  static override styles = css`
    :host { display: inline-block; line-height: 0; }
    canvas { display: block; border-radius: 4px; background: var(--sunken); }
    :host([fluid]),
    :host([fluid]) canvas { width: 100% !important; height: auto !important; }
  `;

  @property({ attribute: false }) atlas: Atlas | null = null;
  @property({ attribute: false }) image = 0;
  /** Side in CSS pixels. */
  @property({ attribute: false }) size = 40;

  @query("canvas") private canvas!: HTMLCanvasElement;
  private followed: Atlas | null = null;
  private readonly again = () => this.requestUpdate();

  override connectedCallback(): void {
    super.connectedCallback();
    this.follow(this.atlas);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.follow(null);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("atlas") && this.isConnected) this.follow(this.atlas);
  }

  private follow(atlas: Atlas | null): void {
    this.followed?.removeEventListener("load", this.again);
    atlas?.addEventListener("load", this.again);
    this.followed = atlas;
  }

  protected override render() {
    return html`<canvas aria-hidden="true" @contextrestored=${this.again}></canvas>`;
  }

  protected override updated(): void {
    const ratio = Math.min(3, devicePixelRatio || 1);
    const side = Math.round(this.size * ratio);
    sizeCanvas(this.canvas, side, side, ratio);
    const context = this.canvas.getContext("2d");
    if (!context) return;
    context.clearRect(0, 0, side, side);
    this.atlas?.draw(context, this.image, 0, 0, side);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "plain-photo": PlainPhoto;
  }
}
