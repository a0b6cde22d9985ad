import { html, LitElement } from "lit";
import { customElement, property } from "lit/decorators.js";
import { house } from "./house.js";

const PAUSE = 5_000;

/** A sentence for screen readers that follows a fast figure, but speaks at most every five seconds. */
@customElement("spoken-summary")
export class SpokenSummary extends LitElement {
  static override styles = house;

  /** What is true now. */
  @property() text = "";

  private spoken = "";
  private last = Number.NEGATIVE_INFINITY;
  private timer: ReturnType<typeof setTimeout> | undefined;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  protected override willUpdate(): void {
    if (this.text === this.spoken || this.timer !== undefined) return;
    const wait = this.last + PAUSE - performance.now();
    if (wait <= 0) {
      this.spoken = this.text;
      this.last = performance.now();
    } else {
      this.timer = setTimeout(() => {
        this.timer = undefined;
        this.requestUpdate();
      }, wait);
    }
  }

  protected override render() {
    return html`<span class="heard" role="status">${this.spoken}</span>`;
  }
}
