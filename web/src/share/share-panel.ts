import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { house } from "../elements/house.js";
import type { EmbedName } from "../embed/options.js";
import {
  type Choice,
  type Dialect,
  folderOf,
  heightOf,
  isElement,
  type Part,
  partsOf,
  readChoice,
  TAKES_BOTH,
  writeChoice,
} from "./choice.js";
import { check, number, radios, text } from "./fields.js";
import { type Hint, hints, isPrivate } from "./hints.js";
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
            ${found.filter(({ grave }) => grave).map(said)}
            ${snippet(choice, service, local).map(({ where, code }) => html`<code-block label=${where} .code=${code}></code-block>`)}
            ${found.filter(({ grave }) => !grave).map(said)}
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
      ${radios("piece", PIECES, this.choice.piece, (piece) => this.set({ piece }))}
    </fieldset>`;
  }

  private source(): TemplateResult {
    const { source, run, recording, piece, folder } = this.choice;
    const sources = { auto: "The lesson’s run, live", run: "A run of its own, live", recording: "A recording only" };
    const lesson = piece === "lesson";
    // Its page has a recording of its own.
    const inFolder = folderOf(this.choice) !== null && !isElement(this.choice);
    return html`<fieldset>
      <legend>What it shows</legend>
      ${radios("source", sources, source, (source) => this.set({ source }), lesson ? ["run"] : [])}
      ${source === "run" ? text("Id of the run", run, "r6085ed90c43a", (run) => this.set({ run })) : nothing}
      ${
        inFolder
          ? nothing
          : text(
              source === "recording" ? "Address of the recording" : "Recording for when the service is away (optional)",
              recording,
              lesson ? "recordings/" : recordingOf(this.choice),
              (recording) => this.set({ recording }),
            )
      }
      ${
        source === "recording" || isElement(this.choice)
          ? nothing
          : text(
              "Exported folder that plays while the service is down (optional)",
              folder,
              "https://your-site.example/demo/",
              (folder) => this.set({ folder }),
            )
      }
    </fieldset>`;
  }

  private looks(): TemplateResult {
    const { theme, calm, hide, piece, compact } = this.choice;
    const themes = { auto: isElement(this.choice) ? "As the page" : "As the system", light: "Light", dark: "Dark" };
    const toggle = (part: Part, on: boolean) =>
      this.set({ hide: on ? [...hide, part] : hide.filter((other) => other !== part) });
    return html`<fieldset>
        <legend>Theme</legend>
        <div class="row">${radios("theme", themes, theme, (theme) => this.set({ theme }))}</div>
      </fieldset>
      <fieldset>
        <legend>Leave out</legend>
        <div class="row">
          ${partsOf(piece).map((part) => check(LEFT_OUT[part], hide.includes(part), (on) => toggle(part, on)))}
        </div>
      </fieldset>
      <fieldset>
        <legend>Motion</legend>
        ${check("Stand still and jump", calm, (calm) => this.set({ calm }))}
        ${
          isElement(this.choice)
            ? check("Low form, at most 440 pixels high", compact, (compact) => this.set({ compact }))
            : nothing
        }
      </fieldset>`;
  }

  private size(): TemplateResult {
    const { width, height } = this.choice;
    return html`<fieldset>
      <legend>Size</legend>
      ${radios(
        "width",
        { full: "As wide as the page", pixels: "At most so many pixels wide" },
        width === null ? "full" : "pixels",
        (kind) => this.set({ width: kind === "full" ? null : 640 }),
      )}
      <div class="row">
        ${width === null ? nothing : number("Width", width, (width) => this.set({ width }))}
        ${isElement(this.choice) ? nothing : number("Height", height, (height) => this.set({ height }))}
      </div>
    </fieldset>`;
  }

  private tools(): TemplateResult {
    const { dialect, form } = this.choice;
    return html`<fieldset>
        <legend>Where it goes</legend>
        <div class="grid">${radios("dialect", TOOLS, dialect, (dialect) => this.set({ dialect }))}</div>
      </fieldset>
      ${
        TAKES_BOTH.includes(dialect)
          ? html`<fieldset>
              <legend>As what</legend>
              ${radios(
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
}

/** Where the service keeps the recording of the run that is shown. */
function recordingOf({ source, run, piece }: Choice): string {
  const lesson = `lesson-${piece === "meter" ? "belt" : piece}`;
  return `api/v1/runs/${(source === "run" && run) || lesson}/recording`;
}

function said({ grave, text, code }: Hint): TemplateResult {
  return html`<div class="hint ${grave ? "grave" : ""}">
    <p>${text}</p>
    ${code ? html`<p><code>${code}</code></p>` : nothing}
  </div>`;
}

declare global {
  interface HTMLElementTagNameMap {
    "share-panel": SharePanel;
  }
}
