import { css, html, LitElement, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { house } from "../elements/house.js";

/** Code to be copied: by its button, or by hand where the browser does not let a page copy. */
@customElement("code-block")
export class CodeBlock extends LitElement {
  /** Where it goes. */
  @property() label = "";
  @property({ attribute: false }) code = "";

  /** What came of the button. */
  @state() private said = "";
  @query("textarea") private readonly area!: HTMLTextAreaElement;

  static override styles = [
    house,
    css`
      .head {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: 0.3rem 1rem;
        margin-bottom: 0.3rem;
      }
      label {
        font-size: var(--text-s);
        color: var(--ink-soft);
      }
      .end {
        display: flex;
        align-items: center;
        gap: 0.8rem;
        margin-left: auto;
      }
      .said {
        font-size: var(--text-s);
        font-weight: 600;
        color: var(--ok);
      }
      textarea {
        display: block;
        width: 100%;
        padding: 0.8rem 1rem;
        border: 1px solid var(--line);
        border-radius: var(--radius-s);
        background: var(--sunken);
        color: var(--ink);
        font-family: var(--mono);
        font-size: var(--text-s);
        line-height: 1.55;
        overflow-wrap: anywhere;
        resize: vertical;
        field-sizing: content;
      }
    `,
  ];

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("code")) this.said = "";
  }

  protected override render(): TemplateResult {
    return html`<div class="head">
        <label for="code">${this.label}</label>
        <div class="end">
          <span class="said" role="status">${this.said}</span>
          <button type="button" @click=${this.copy}>Copy<span class="heard"> the code: ${this.label}</span></button>
        </div>
      </div>
      <textarea id="code" readonly spellcheck="false" rows=${this.code.split("\n").length + 1} .value=${this.code}></textarea>`;
  }

  private readonly copy = async () => {
    this.said = "";
    this.said = (await copied(this.code, this.area)) ? "Copied" : "Selected: copy it with Ctrl+C or ⌘C";
  };
}

/** False where the browser lets no page copy: the text is then selected, for the reader's own keys. */
async function copied(text: string, area: HTMLTextAreaElement): Promise<boolean> {
  try {
    // Not there on a page that came by http from another machine, and refused where the reader has said so.
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    area.focus();
    area.select();
    return document.execCommand("copy");
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "code-block": CodeBlock;
  }
}
