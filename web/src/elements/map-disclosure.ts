import { css, html, LitElement, nothing, type PropertyValues } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { Catalog } from "../api.js";
import type { Atlas } from "../model/atlas.js";
import type { RunView } from "../model/run-view.js";
import { disclosure } from "./disclosure.styles.js";
import { house } from "./house.js";

/**
 * The map behind a line that opens it. Only while it is open the page fetches its code and asks the run for its section.
 *
 * @slot - what the map says, above it
 */
@customElement("map-disclosure")
export class MapDisclosure extends LitElement {
  @property({ attribute: false }) view: RunView | null = null;
  @property({ attribute: false }) catalog: Catalog | null = null;
  @property({ attribute: false }) atlas: Atlas | null = null;
  @property() summary = "";

  @state() private open = false;
  @state() private state: "unloaded" | "loaded" | "failed" = "unloaded";

  private giveBack: (() => void) | null = null;

  static override styles = [
    house,
    disclosure,
    css`
      slot {
        display: block;
        max-width: 50rem;
        text-wrap: pretty;
        color: var(--ink-soft);
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.ask();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stop();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has("view") && !changed.has("open" as keyof MapDisclosure)) return;
    this.stop();
    this.ask();
  }

  private ask(): void {
    if (this.open && this.isConnected) this.giveBack ??= this.view?.include("map") ?? null;
  }

  private stop(): void {
    this.giveBack?.();
    this.giveBack = null;
  }

  protected override render() {
    return html`<details @toggle=${this.toggled}>
      <summary>${this.summary}</summary>
      <div class="inside">
        <slot></slot>
        ${
          this.open && this.state === "loaded"
            ? html`<key-map .view=${this.view} .catalog=${this.catalog} .atlas=${this.atlas}></key-map>`
            : nothing
        }
        ${
          this.open && this.state === "failed"
            ? html`<p class="failed" role="alert">The map did not load. Reload the page once the service answers.</p>`
            : nothing
        }
      </div>
    </details>`;
  }

  private readonly toggled = async (event: Event) => {
    this.open = (event.currentTarget as HTMLDetailsElement).open;
    if (!this.open || this.state === "loaded") return;
    this.state = await import("./key-map.js").then(
      () => "loaded",
      () => "failed",
    );
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "map-disclosure": MapDisclosure;
  }
}
