import { css, html, LitElement } from "lit";
import { customElement, property } from "lit/decorators.js";
import { rate } from "../model/format.js";
import { RunController, WORDS } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { count } from "../model/say.js";
import { house } from "./house.js";

/** What the figures beside it show, truly: live, paused, stale, recorded, asleep, out of reach. */
@customElement("status-badge")
export class StatusBadge extends LitElement {
  @property({ attribute: false }) view: RunView | null = null;
  /** Only the word: the step stands beside it anyway. */
  @property({ type: Boolean }) brief = false;

  constructor() {
    super();
    new RunController(
      this,
      () => this.view,
      ["tick", "status"],
      () => true,
      WORDS,
    );
  }

  static override styles = [
    house,
    css`
      :host {
        font-size: var(--text-s);
        color: var(--ink-soft);
      }
      .badge {
        display: inline-flex;
        align-items: baseline;
        gap: 0.5rem;
        max-width: 100%;
      }
      /* Where the place around allows no second line, what is too long ends in dots. */
      .badge > span {
        overflow: hidden;
        text-overflow: ellipsis;
      }
      i {
        flex: none;
        width: 0.55rem;
        height: 0.55rem;
        border-radius: 50%;
        background: var(--ink-faint);
      }
      .live i {
        background: var(--ok);
      }
      .paused i {
        border-radius: 1px;
        background: none;
        border: solid var(--ink-soft);
        border-width: 0 0.17rem;
      }
      .recording i {
        background: var(--accent);
      }
      .stale i,
      .connecting i {
        background: var(--warn);
      }
      .offline i,
      .failed i {
        background: none;
        box-shadow: inset 0 0 0 2px var(--bad);
      }
      @media (max-width: 40rem) {
        .more {
          display: none;
        }
      }
      b {
        color: var(--ink);
        font-weight: 600;
      }
    `,
  ];

  override render() {
    const view = this.view;
    const status = view?.status ?? "connecting";
    const [word, at, more] = view ? describe(view) : ["Connecting", "", ""];
    return html`<span class="badge ${status}" title=${view?.detail || (status === "connecting" ? at : "")}
      ><i aria-hidden="true"></i><span><b>${word}</b>${at && !this.brief ? `, ${at}` : ""}${more && !this.brief ? html`<span class="more">, ${more}</span>` : ""}</span></span
    >`;
  }
}

/** The word, the step, and what a narrow header leaves out. */
export function describe(view: RunView): [string, string, string] {
  const step = view.tick?.header.step ?? view.run?.step ?? 0;
  const at = `step ${count(step)}`;
  const speed = view.scalar("steps_per_second");
  switch (view.status) {
    case "live": {
      const rest: string[] = [];
      if (speed) rest.push(`${rate(speed)} steps a second`);
      if (view.viewers > 1) rest.push(`${count(view.viewers)} watching`);
      return ["Live", at, rest.join(", ")];
    }
    case "paused": {
      const state = view.run?.state;
      const word = state === "finished" ? "Finished" : state === "stopped" ? "Stopped" : "Paused";
      return [word, at, view.run?.reason ? "by itself" : ""];
    }
    case "asleep":
      return ["Asleep", at, "wakes when watched"];
    case "stale":
      return ["Stale", at, `nothing new for ${Math.max(1, Math.round((performance.now() - view.tickAt) / 1000))} s`];
    case "offline":
      return view.tickAt ? ["Stale", at, "the service does not answer"] : ["Out of reach", "", "trying again"];
    case "failed":
      return ["Failed", at, view.run?.reason ?? view.detail ?? ""];
    case "connecting":
      // The socket is open, and the first moment has not come: a new service draws its pictures first.
      if (view.run && view.linked) return ["Starting", view.run.reason ?? "the first moment is on its way", ""];
      return ["Connecting", "", ""];
    case "recording":
      return ["Recorded", view.tick ? at : "", ""];
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "status-badge": StatusBadge;
  }
}
