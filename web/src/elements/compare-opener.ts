import { html, LitElement, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { Catalog } from "../api.js";
import type { PairName } from "../compare/pairs.js";
import { RunController } from "../model/run-controller.js";
import type { RunView } from "../model/run-view.js";
import { disclosure } from "./disclosure.styles.js";
import { house } from "./house.js";

/** The one that is open: a page trains one pair at most. */
let opened: CompareOpener | null = null;

/**
 * A line that opens a lane with two runs. `?compare=NAME` in the page's address opens it too.
 *
 * @fires pair-closed - the lane is gone, and its runs with it: {pair}
 */
@customElement("compare-opener")
export class CompareOpener extends LitElement {
  @property({ attribute: false }) view: RunView | null = null;
  @property({ attribute: false }) catalog: Catalog | null = null;
  @property() pair: PairName = "momentum";
  @property() summary = "";

  /** The two are to be evaluated at their end. */
  @state() private score = false;
  @state() private open = false;
  @state() private loaded: boolean | null = null;

  constructor() {
    super();
    // A recorded moment hears of its live run when the service answers.
    new RunController(this, () => this.view, ["status"]);
  }

  static override styles = [house, disclosure];

  override connectedCallback(): void {
    super.connectedCallback();
    this.open = new URLSearchParams(location.search).get("compare") === this.pair;
  }

  protected override firstUpdated(): void {
    if (this.open && !location.hash) this.lead();
  }

  protected override render() {
    return html`<details ?open=${this.open} @toggle=${this.toggled}>
      <summary>Compare side by side: ${this.summary}</summary>
      ${
        this.open && this.loaded
          ? html`<compare-lane .lesson=${this.view?.real ?? null} .catalog=${this.catalog} pair=${this.pair} ?score=${this.score} @close=${this.close}></compare-lane>`
          : nothing
      }
      ${this.open && this.loaded === false ? html`<p class="failed" role="alert">This part did not load. Reload the page.</p>` : nothing}
    </details>`;
  }

  /**
   * A link to a comparison leads to it and stays there while what loads above and in it moves it, until the reader acts.
   * The browser's own scroll anchoring does not do it: it anchors to what lies beside a figure that sticks, not in it.
   */
  private lead(): void {
    // On the root it would not hold: the window takes it from the body, as it takes the body's overflow.
    document.body.style.overflowAnchor = "none";
    // A page that is loaded again would be scrolled to where it was, too.
    history.scrollRestoration = "manual";
    const reader = new AbortController();
    const { signal } = reader;
    signal.addEventListener("abort", () => {
      document.body.style.overflowAnchor = "";
      history.scrollRestoration = "auto";
    });
    for (const act of ["wheel", "touchmove", "pointerdown", "keydown"])
      addEventListener(act, () => reader.abort(), { passive: true, signal });
    let led = scrollY;
    const look = () => {
      // Only a page that has become shorter scrolls by itself now. All else is the reader, also without a wheel or a
      // key: a scroll bar, a search in the page, a screen reader.
      const shorter = scrollY < led && scrollY + innerHeight > document.documentElement.scrollHeight - 1;
      if (!this.isConnected || (Math.abs(scrollY - led) > 1 && !shorter)) reader.abort();
      if (signal.aborted) return;
      this.scrollIntoView();
      led = scrollY;
      requestAnimationFrame(look);
    };
    look();
  }

  /** Train the pair and evaluate both, as an experiment asks for. */
  run(): void {
    this.score = true;
    this.open = true;
    this.scrollIntoView({ block: "nearest" });
  }

  readonly close = () => {
    this.open = false;
  };

  private readonly toggled = async (event: Event) => {
    this.open = (event.currentTarget as HTMLDetailsElement).open;
    if (this.open) {
      if (opened !== this) opened?.close();
      opened = this;
    } else if (opened === this) opened = null;
    // A teacher may send the address on.
    const url = new URL(location.href);
    if (opened) url.searchParams.set("compare", opened.pair);
    else url.searchParams.delete("compare");
    history.replaceState(history.state, "", url);
    if (!this.open) {
      this.score = false;
      const detail = { pair: this.pair };
      this.dispatchEvent(new CustomEvent("pair-closed", { detail, bubbles: true, composed: true }));
      return;
    }
    this.loaded = await import("../compare/compare-lane.js").then(
      () => true,
      () => false,
    );
  };
}

declare global {
  interface HTMLElementTagNameMap {
    "compare-opener": CompareOpener;
  }
}
