import { css, html, LitElement, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { ApiError, type Catalog, type CommandName } from "../api.js";
import type { Atlas } from "../model/atlas.js";
import { RunController } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { house } from "./house.js";

/**
 * Play, pause, one step, a step in slow motion, start over; and the run as a file. A step is always one optimiser step.
 * Where nothing can be changed it only says why: a recording has its own bar.
 *
 * @fires reset - the run starts over from step 0 with the same seed
 */
@customElement("transport-bar")
export class TransportBar extends LitElement {
  @property({ attribute: false }) view: RunView | null = null;
  @property({ attribute: false }) catalog: Catalog | null = null;
  @property({ attribute: false }) atlas: Atlas | null = null;
  /** Slow motion is open below the buttons; its code comes when it is first asked for. */
  @property({ type: Boolean, reflect: true }) slow = false;

  @state() private busy: CommandName | null = null;
  @state() private refusal: string | null = null;

  constructor() {
    super();
    new RunController(this, () => this.view, ["status"]);
  }

  static override styles = [
    house,
    css`
      .bar {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.5rem;
      }
      p {
        margin: 0;
      }
      a {
        padding: 0.5rem 0.25rem;
        text-underline-offset: 0.2em;
      }
      .play {
        min-width: 5.25rem;
      }
      /* All four in one row of a phone. */
      @media (max-width: 30rem) {
        .bar {
          gap: 0.35rem;
        }
        button {
          padding-inline: 0.5rem;
        }
        .play {
          min-width: 4.2rem;
        }
      }
      button.slow[aria-expanded="true"] {
        border-color: var(--positive);
        color: var(--positive);
        box-shadow: inset 0 0 0 1px var(--positive);
      }
      step-by-step {
        margin-top: 0.8rem;
      }
      .refusal {
        margin-top: 0.4rem;
        color: var(--bad);
        font-size: var(--text-s);
      }
    `,
  ];

  get playing(): boolean {
    return this.view?.run?.state === "running" || this.view?.run?.state === "queued";
  }

  /** Why the run paused itself, where it did. */
  private get trouble(): string | null {
    return this.view?.run?.state === "paused" ? this.view.run.reason : null;
  }

  override render() {
    if (this.view?.fixed) return html`<p class="soft">${this.view.fixed}</p>`;
    const unknown = !this.view?.run || this.view.status === "offline";
    const over = this.view?.run?.state === "failed" || this.view?.run?.state === "finished";
    return html`
      <div class="bar" role="toolbar" aria-label="Training">
        <button
          type="button"
          class="primary play"
          aria-keyshortcuts="Space"
          ?disabled=${unknown || over}
          @click=${this.toggle}
        >
          ${this.playing ? "Pause" : "Play"}
        </button>
        <button type="button" title="One optimiser step, then pause" ?disabled=${unknown || over} @click=${this.one}>
          One step
        </button>
        <button
          type="button"
          class="slow"
          part="slow"
          aria-expanded=${this.slow}
          title="One step in its parts"
          ?disabled=${unknown || over}
          @click=${this.slowly}
        >
          Slow motion
        </button>
        <button
          type="button"
          title="Start over from step 0 with the same seed and the same knobs"
          ?disabled=${unknown}
          @click=${this.reset}
        >
          Reset
        </button>
        ${this.file()}
      </div>
      ${
        this.slow
          ? html`<step-by-step
              .view=${this.view}
              .catalog=${this.catalog}
              .atlas=${this.atlas}
              @left=${() => (this.slow = false)}
            ></step-by-step>`
          : nothing
      }
      ${this.refusal ? html`<div class="refusal" role="alert">${this.refusal}</div>` : nothing}
      ${this.trouble ? html`<div class="refusal" role="alert">Paused by itself: ${this.trouble}.</div>` : nothing}
    `;
  }

  private file() {
    const { view } = this;
    const run = view?.run;
    const path = view?.status === "offline" ? null : run?.links?.recording;
    return view && run && path && (view.tick || run.step > 0)
      ? html`<a
          class="soft"
          part="file"
          href=${view.address(path)}
          download="${run.id}.sbr"
          title="The run since its last reset, as a file that plays without the service"
          >Save recording</a
        >`
      : nothing;
  }

  /** Play or pause; the widget calls it for Space. */
  async toggle(): Promise<void> {
    if (this.view?.recorded) this.view.toggle();
    else await this.send(this.playing ? "pause" : "resume");
  }

  private one(): Promise<void> {
    return this.send("step", { steps: 1 });
  }

  private async reset(): Promise<void> {
    await this.send("reset");
    this.dispatchEvent(new CustomEvent("reset", { bubbles: true, composed: true }));
  }

  private async slowly(): Promise<void> {
    const open = this.renderRoot.querySelector("step-by-step");
    if (open) return open.leave();
    try {
      await import("./step-by-step.js");
    } catch {
      this.refusal = "Slow motion did not load. Reload the page once the service answers.";
      return;
    }
    await this.attempt(async (view) => {
      await view.live();
      this.slow = true;
    });
  }

  private async send(name: CommandName, args?: Readonly<Record<string, number>>): Promise<void> {
    if (this.busy) return;
    this.busy = name;
    await this.attempt((view) => view.command(name, args));
    this.busy = null;
  }

  private async attempt(action: (view: RunView) => Promise<unknown>): Promise<void> {
    if (!this.view) return;
    this.refusal = null;
    try {
      await action(this.view);
    } catch (error) {
      this.refusal = error instanceof ApiError ? error.message : String(error);
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "transport-bar": TransportBar;
  }
}
