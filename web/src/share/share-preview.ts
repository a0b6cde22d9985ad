import { css, html, LitElement, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { house } from "../elements/house.js";
import { type Choice, isElement } from "./choice.js";
import { elementsOf, frameAddress, title } from "./snippet.js";

/** An address that is being typed is not asked for letter by letter. */
const SETTLED = 500;

/**
 * What the code shows: a frame of the very address that it names, or the elements themselves, from the same script. Of a page
 * on another host, which the panel may not frame, the service's own page of the same looks.
 */
@customElement("share-preview")
export class SharePreview extends LitElement {
  @property({ attribute: false }) choice!: Choice;
  @property({ attribute: false }) service!: URL;

  /** What is shown now; `choice` may be ahead of it. */
  @state() private shown: Choice | null = null;
  @state() private failed = false;
  /** The elements that stand there now. */
  private made = "";
  private timer: ReturnType<typeof setTimeout> | undefined;

  static override styles = [
    house,
    css`
      .room {
        overflow-x: auto;
      }
      iframe {
        display: block;
        border: 0;
      }
      .elements {
        display: grid;
        gap: 1rem;
      }
      p {
        color: var(--bad);
      }
    `,
  ];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.timer);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has("choice")) return;
    const { choice, shown } = this;
    clearTimeout(this.timer);
    if (shown && (choice.run !== shown.run || choice.recording !== shown.recording)) {
      this.timer = setTimeout(() => {
        this.shown = this.choice;
      }, SETTLED);
    } else this.shown = choice;
  }

  protected override render(): TemplateResult {
    const { shown, service } = this;
    if (!shown) return html``;
    if (isElement(shown)) {
      return this.failed
        ? html`<p role="alert">The script of the pieces did not load. Reload the page once the service answers.</p>`
        : html`<div class="elements"></div>`;
    }
    return html`<div class="room">
      <iframe
        src=${frameAddress({ ...shown, folder: "" }, service)}
        title="Preview: ${title(shown)}"
        width=${shown.width ?? "100%"}
        height=${shown.height}
      ></iframe>
    </div>`;
  }

  protected override updated(): void {
    const place = this.renderRoot.querySelector(".elements");
    if (place && this.shown) void this.fill(place, this.shown);
  }

  private async fill(place: Element, choice: Choice): Promise<void> {
    try {
      await import(/* @vite-ignore */ new URL("elements.js", this.service).href);
    } catch {
      this.failed = true;
      return;
    }
    if (choice !== this.shown) return;
    const wanted = elementsOf(choice, this.service);
    const key = JSON.stringify([wanted, choice.width]);
    if (key === this.made && place.childElementCount > 0) return; // it goes on as it is
    this.made = key;
    const elements = wanted.map(({ tag, attributes }) => {
      const element = document.createElement(tag);
      for (const [name, value] of attributes) element.setAttribute(name, value);
      if (choice.width !== null) element.style.maxWidth = `${choice.width}px`;
      return element;
    });
    place.replaceChildren(...elements);
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "share-preview": SharePreview;
  }
}
