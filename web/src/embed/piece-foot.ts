import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";
import { house } from "../elements/house.js";
import type { RecordedPart } from "../model/recorded-part.js";
import type { RunView } from "../model/run-view.js";
import "../elements/status-badge.js";

/** The last lines of a piece: live or recorded, what is wrong, the recording's controls, and the way to the lesson. */
@customElement("piece-foot")
export class PieceFoot extends LitElement {
  static override styles = [
    house,
    css`
      :host {
        order: 9;
        padding: 0.3rem 0.9rem 0.45rem;
        border-top: 1px solid var(--line);
        font-size: var(--text-s);
      }
      .line {
        display: flex;
        flex-wrap: wrap;
        align-items: baseline;
        justify-content: space-between;
        gap: 0 1.25rem;
      }
      /* The height of a piece that fits its frame must not hang on what the badge has to say. */
      .line.short {
        flex-wrap: nowrap;
      }
      .short status-badge {
        min-width: 0;
        white-space: nowrap;
      }
      p {
        margin: 0;
        color: var(--bad);
        overflow-wrap: anywhere;
      }
      p.soft {
        color: var(--ink-soft);
      }
      a {
        color: var(--positive);
        text-underline-offset: 0.2em;
        white-space: nowrap;
      }
      recording-bar {
        position: static;
        margin: 0 -0.9rem;
        padding: 0;
        background: none;
        /* A part of the card, not a card on it. */
        --bar-line: transparent;
        --shade: transparent;
      }
    `,
  ];

  @property({ attribute: false }) view: RunView | null = null;
  /** The recording, from when it is wanted. */
  @property({ attribute: false }) recording: RecordedPart | null = null;
  /** It is the recording that shows, not a run. */
  @property({ type: Boolean }) playing = false;
  @property({ attribute: false }) trouble: string | null = null;
  /** Address of the whole lesson at the service. */
  @property({ attribute: false }) lesson: string | null = null;

  override willUpdate(): void {
    // Most pieces never play a recording: its controls come when one does.
    if (this.recording) void import("../elements/recording-bar.js");
  }

  protected override render(): TemplateResult {
    const { recording, trouble, view, lesson } = this;
    const fixed = view?.fixed && !view.recorded ? view.fixed : null;
    return html`
      ${recording ? html`<recording-bar .source=${recording} label="this piece"></recording-bar>` : nothing}
      <div class="line ${trouble || fixed ? "" : "short"}" part="foot">
        ${view || !trouble ? html`<status-badge .view=${view}></status-badge>` : nothing}
        ${trouble ? html`<p role="status" class=${this.playing ? "soft" : ""}>${trouble}${this.playing ? " Meanwhile this is a recording." : ""}</p>` : nothing}
        ${fixed ? html`<p class="soft">${fixed}</p>` : nothing}
        ${lesson ? html`<a part="link" href=${lesson} target="_blank" rel="noopener">Open the lesson</a>` : nothing}
      </div>
    `;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "piece-foot": PieceFoot;
  }
}
