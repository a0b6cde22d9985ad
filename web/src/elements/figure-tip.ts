import { css, html, LitElement, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { Catalog } from "../api.js";
import type { RunView } from "../model/run-view.js";
import { count } from "../model/say.js";
import { house } from "./house.js";

/**
 * The name of a figure, with its definition behind it: formula, what it is taken over, when it was measured.
 * Opens on hover, focus and tap; Escape closes it.
 *
 * @slot - the visible text
 * @slot more - further lines of the tip
 */
@customElement("figure-tip")
export class FigureTip extends LitElement {
  @property({ attribute: false }) catalog: Catalog | null = null;
  /** Given a run, the tip adds its sample size and the step of the measurement. */
  @property({ attribute: false }) view: RunView | null = null;
  @property() name = "";

  @state() private open = false;

  static override styles = [
    house,
    css`
      :host {
        display: inline-block;
        position: relative;
        font: inherit;
        line-height: inherit;
        color: inherit;
      }
      button.name {
        font: inherit;
        color: inherit;
        background: none;
        border: 0;
        border-radius: 2px;
        min-height: 0;
        padding: 0;
        text-align: inherit;
        cursor: help;
        text-decoration: underline dotted var(--line-strong);
        text-underline-offset: 0.25em;
        text-decoration-thickness: 1.5px;
      }
      button.name:hover {
        background: none;
        text-decoration-color: currentcolor;
      }
      .tip {
        position: fixed;
        inset: auto;
        margin: 0;
        width: max-content;
        max-width: min(24rem, calc(100vw - 1.5rem));
        /* It may have to lie over its own name, which must not lose the pointer by that. */
        pointer-events: none;
        padding: 0.8rem 1rem;
        border: 1px solid var(--line);
        border-radius: var(--radius-s);
        background: var(--surface);
        box-shadow: 0 0.5rem 2rem var(--shade);
        font-family: var(--sans);
        font-size: var(--text-s);
        font-weight: 400;
        line-height: 1.45;
        letter-spacing: 0;
        text-align: left;
        color: var(--ink-soft);
        white-space: normal;
      }
      .tip b {
        display: block;
        color: var(--ink);
      }
      dl {
        margin: 0.35rem 0 0;
      }
      dt {
        margin-top: 0.35rem;
        font-size: 0.75rem;
        color: var(--ink-faint);
      }
      dd {
        margin: 0;
        color: var(--ink);
      }
    `,
  ];

  override render() {
    const figure = this.catalog?.figures[this.name];
    return html`<button
        type="button"
        class="name"
        aria-expanded=${this.open}
        aria-describedby="tip"
        @pointerenter=${(event: PointerEvent) => event.pointerType === "mouse" && this.show(true)}
        @pointerleave=${(event: PointerEvent) => event.pointerType === "mouse" && this.show(false)}
        @focus=${() => this.show(true)}
        @blur=${() => this.show(false)}
        @click=${() => this.show(true)}
        @keydown=${this.pressed}
      >
        <slot></slot></button
      ><div id="tip" class="tip" role="tooltip" popover="manual">
        ${
          figure
            ? html`<b>${figure.title}</b>
                <dl>
                  <dt>How it is made</dt>
                  <dd>${this.filled(figure.formula)}</dd>
                  <dt>Over what</dt>
                  <dd>${this.filled(figure.sample)}${this.measured()}</dd>
                  ${
                    figure.source
                      ? html`<dt>Source</dt>
                          <dd>${figure.source}</dd>`
                      : nothing
                  }
                </dl>`
            : html`The definition comes with the service's catalog.`
        }
        <slot name="more"></slot>
      </div>`;
  }

  /** The definition with the sample size as it is now. */
  private filled(text: string): string {
    const n = this.view?.scalar("probe_n") ?? null;
    return n === null ? text.replaceAll("probe_n", "n") : text.replaceAll("probe_n", count(n));
  }

  private measured(): string {
    const step = this.view?.scalar("probe_step") ?? null;
    const probed = this.catalog?.figures[this.name]?.sample.includes("probe") ?? false;
    return probed && step !== null ? `, at step ${count(step)}` : "";
  }

  /** Escape closes the tip, and then nothing else. */
  private pressed(event: KeyboardEvent): void {
    if (event.key !== "Escape" || !this.open) return;
    event.preventDefault();
    this.show(false);
  }

  private show(open: boolean): void {
    if (open === this.open) return;
    this.open = open;
    const tip = this.renderRoot.querySelector<HTMLElement>(".tip");
    if (!tip?.showPopover) return;
    if (!open) {
      tip.hidePopover();
      return;
    }
    tip.showPopover();
    // Above the name where there is room, else below; inside the window on all sides.
    const name = this.getBoundingClientRect();
    const size = tip.getBoundingClientRect();
    const left = Math.max(12, Math.min(name.left, document.documentElement.clientWidth - size.width - 12));
    const above = name.top - size.height - 8;
    tip.style.left = `${left}px`;
    const below = Math.max(8, Math.min(name.bottom + 8, window.innerHeight - size.height - 8));
    tip.style.top = `${above > 8 ? above : below}px`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "figure-tip": FigureTip;
  }
}
