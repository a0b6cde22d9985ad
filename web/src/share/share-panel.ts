import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { house } from "../elements/house.js";
import type { EmbedName } from "../embed/options.js";
import {
  type Choice,
  type Dialect,
  heightOf,
  isElement,
  type Part,
  partsOf,
  readChoice,
  TAKES_BOTH,
  writeChoice,
} from "./choice.js";
import { hints, isPrivate } from "./hints.js";
import { panelStyles } from "./share-panel.styles.js";
import { snippet } from "./snippet.js";
import "./code-block.js";
import "./share-preview.js";

const PIECES: Readonly<Record<EmbedName, string>> = {
  belt: "Queue",
  bank: "Memory bank",
  matrix: "Similarity matrix",
  meter: "Consistency meter",
  lesson: "The lesson, all three",
};
const TOOLS: Readonly<Record<Dialect, string>> = {
  iframe: "HTML frame",
  element: "HTML element",
  quarto: "Quarto",
  mkdocs: "MkDocs",
  docusaurus: "Docusaurus",
  jupyter: "Jupyter Book",
  moodle: "Moodle",
  canvas: "Canvas",
};
const LEFT_OUT: Readonly<Record<Part, string>> = {
  controls: "Controls",
  words: "Words",
  meter: "Meter",
  foot: "Bottom line",
};

/** An author's choices, the code that follows from them, what it shows, and what may stand in the way. */
@customElement("share-panel")
export class SharePanel extends LitElement {
  /** The service whose pieces are shown. */
  @property({ attribute: false }) service: URL = new URL(".", document.baseURI);
  /** The other sites that may show them; null where the service does not say, undefined while it is asked. */
  @property({ attribute: false }) sites: readonly string[] | null | undefined;

  @state() private choice: Choice = readChoice(new URLSearchParams(location.search));

  static override styles = [house, panelStyles];

  /** A choice can be sent on: the address has it. */
  protected override updated(changed: PropertyValues): void {
    if (!changed.has("choice")) return;
    const url = new URL(location.href);
    url.search = writeChoice(this.choice);
    history.replaceState(history.state, "", url);
  }

  private set(change: Partial<Choice>): void {
    const next = { ...this.choice, ...change };
    // The lesson has three runs of its own.
    if (next.piece === "lesson" && next.source === "run") next.source = "auto";
    if (change.piece && this.choice.height === heightOf(this.choice.piece)) next.height = heightOf(change.piece);
    this.choice = next;
  }

  protected override render(): TemplateResult {
    const { choice, service } = this;
    const local = isPrivate(service);
    const found = this.sites === undefined ? [] : hints(choice, service, this.sites);
    return html`
      <h1>Put it on your page</h1>
      <p class="intro">Choose a piece and where it goes; copy the code. The preview is what your readers will see.</p>
      <div class="columns">
        <form @submit=${(event: Event) => event.preventDefault()}>
          ${this.pieces()} ${this.tools()} ${this.source()} ${this.looks()} ${this.size()}
        </form>
        <div class="result">
          <section aria-labelledby="code">
            <h2 id="code">The code</h2>
            ${found
              .filter(({ grave }) => grave)
              .map(
                ({ text, code }) => html`<div class="hint grave">
                  <p>${text}</p>
                  ${code ? html`<p><code>${code}</code></p>` : nothing}
                </div>`,
              )}
            ${snippet(choice, service, local).map(({ where, code }) => html`<code-block label=${where} .code=${code}></code-block>`)}
            ${found
              .filter(({ grave }) => !grave)
              .map(
                ({ text, code }) => html`<div class="hint">
                  <p>${text}</p>
                  ${code ? html`<p><code>${code}</code></p>` : nothing}
                </div>`,
              )}
          </section>
          <section aria-labelledby="preview">
            <h2 id="preview">The preview</h2>
            <share-preview .choice=${choice} .service=${service}></share-preview>
          </section>
        </div>
      </div>
    `;
  }

  private pieces(): TemplateResult {
    return html`<fieldset>
      <legend>Piece</legend>
      ${this.radios("piece", PIECES, this.choice.piece, (piece) => this.set({ piece }))}
    </fieldset>`;
  }

  private source(): TemplateResult {
    const { source, run, recording, piece } = this.choice;
    const sources = { auto: "The lesson’s run, live", run: "A run of its own, live", recording: "A recording only" };
    const lesson = piece === "lesson";
    return html`<fieldset>
      <legend>What it shows</legend>
      ${this.radios("source", sources, source, (source) => this.set({ source }), lesson ? ["run"] : [])}
      ${source === "run" ? this.text("Id of the run", run, "r6085ed90c43a", (run) => this.set({ run })) : nothing}
      ${this.text(
        source === "recording" ? "Address of the recording" : "Recording for when the service is away (optional)",
        recording,
        lesson ? "recordings/" : `recordings/${piece === "meter" ? "belt" : piece}.sbr`,
        (recording) => this.set({ recording }),
      )}
    </fieldset>`;
  }

  private looks(): TemplateResult {
    const { theme, calm, hide, piece, compact } = this.choice;
    const themes = { auto: isElement(this.choice) ? "As the page" : "As the system", light: "Light", dark: "Dark" };
    const toggle = (part: Part, on: boolean) =>
      this.set({ hide: on ? [...hide, part] : hide.filter((other) => other !== part) });
    return html`<fieldset>
        <legend>Theme</legend>
        <div class="row">${this.radios("theme", themes, theme, (theme) => this.set({ theme }))}</div>
      </fieldset>
      <fieldset>
        <legend>Leave out</legend>
        <div class="row">
          ${partsOf(piece).map((part) => this.check(LEFT_OUT[part], hide.includes(part), (on) => toggle(part, on)))}
        </div>
      </fieldset>
      <fieldset>
        <legend>Motion</legend>
        ${this.check("Stand still and jump", calm, (calm) => this.set({ calm }))}
        ${
          isElement(this.choice)
            ? this.check("Low form, at most 440 pixels high", compact, (compact) => this.set({ compact }))
            : nothing
        }
      </fieldset>`;
  }

  private size(): TemplateResult {
    const { width, height } = this.choice;
    return html`<fieldset>
      <legend>Size</legend>
      ${this.radios(
        "width",
        { full: "As wide as the page", pixels: "At most so many pixels wide" },
        width === null ? "full" : "pixels",
        (kind) => this.set({ width: kind === "full" ? null : 640 }),
      )}
      <div class="row">
        ${width === null ? nothing : this.number("Width", width, (width) => this.set({ width }))}
        ${isElement(this.choice) ? nothing : this.number("Height", height, (height) => this.set({ height }))}
      </div>
    </fieldset>`;
  }

  private tools(): TemplateResult {
    const { dialect, form } = this.choice;
    return html`<fieldset>
        <legend>Where it goes</legend>
        <div class="grid">${this.radios("dialect", TOOLS, dialect, (dialect) => this.set({ dialect }))}</div>
      </fieldset>
      ${
        TAKES_BOTH.includes(dialect)
          ? html`<fieldset>
              <legend>As what</legend>
              ${this.radios(
                "form",
                {
                  frame: "A frame: safest, its knobs work",
                  element: "An element: in the page’s own look, only watches",
                },
                form,
                (form) => this.set({ form }),
              )}
            </fieldset>`
          : nothing
      }`;
  }

  private radios<T extends string>(
    name: string,
    titles: Readonly<Record<T, string>>,
    chosen: T,
    choose: (value: T) => void,
    without: readonly T[] = [],
  ): TemplateResult[] {
    return (Object.keys(titles) as T[]).map(
      (value) =>
        html`<label
          ><input
            type="radio"
            name=${name}
            value=${value}
            .checked=${value === chosen}
            ?disabled=${without.includes(value)}
            @change=${() => choose(value)}
          /><span>${titles[value]}</span></label
        >`,
    );
  }

  private check(title: string, on: boolean, choose: (on: boolean) => void): TemplateResult {
    return html`<label
      ><input
        type="checkbox"
        .checked=${on}
        @change=${(event: Event) => choose((event.target as HTMLInputElement).checked)}
      /><span>${title}</span></label
    >`;
  }

  private text(title: string, value: string, example: string, choose: (value: string) => void): TemplateResult {
    return html`<label class="field"
      ><span>${title}</span
      ><input
        type="text"
        autocomplete="off"
        spellcheck="false"
        placeholder=${example}
        .value=${value}
        @input=${(event: Event) => choose((event.target as HTMLInputElement).value.trim())}
    /></label>`;
  }

  private number(title: string, value: number, choose: (value: number) => void): TemplateResult {
    const read = (event: Event) => {
      const said = (event.target as HTMLInputElement).valueAsNumber;
      if (Number.isInteger(said) && said > 0 && said <= 4_000) choose(said);
    };
    return html`<label class="field number"
      ><span>${title}, pixels</span
      ><input type="number" min="100" max="4000" step="10" .value=${String(value)} @change=${read} /></label
    >`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "share-panel": SharePanel;
  }
}
