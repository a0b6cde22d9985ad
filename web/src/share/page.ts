/** The page at /share: the code that puts a piece on somebody's own page, and what it shows there. */

import { html, LitElement, render, type TemplateResult } from "lit";
import { customElement, state } from "lit/decorators.js";
import { chooseTheme, onTheme, startTheme, theme } from "../theme.js";
import { framers } from "./hints.js";
import "./share-panel.js";

/** The start page of the service that this page came from. */
const SERVICE = new URL(".", document.baseURI);

@customElement("share-page")
export class SharePage extends LitElement {
  @state() private sites: readonly string[] | null | undefined;
  private stopTheme: (() => void) | null = null;

  /** In the light: the pages' own style sheet applies. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.stopTheme = onTheme(() => this.requestUpdate());
    void this.ask();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stopTheme?.();
  }

  /** Who may frame a piece is what the browser will be told with it. */
  private async ask(): Promise<void> {
    const answer = await fetch(new URL("embed/belt", SERVICE), { method: "HEAD" }).catch(() => null);
    this.sites = framers(answer?.headers.get("content-security-policy") ?? null);
  }

  protected override render(): TemplateResult {
    const dark = theme() === "dark";
    return html`
      <header class="top">
        <div>
          <a class="brand" href=${SERVICE.href}>sushi<span>belt</span></a>
          <nav aria-label="Pages">
            <a href=${SERVICE.href}>Lesson</a>
            <a href="docs/embed">Reference</a>
          </nav>
          <div class="end">
            <button
              class="theme"
              type="button"
              aria-label="Switch to ${dark ? "light" : "dark"} colours"
              title="Light or dark"
              @click=${() => chooseTheme(dark ? "light" : "dark")}
            >
              <span aria-hidden="true">${dark ? "☀" : "☾"}</span>
            </button>
          </div>
        </div>
      </header>
      <main aria-label="Put it on your page">
        <share-panel .service=${SERVICE} .sites=${this.sites}></share-panel>
      </main>
    `;
  }
}

startTheme();
const page = document.querySelector("#page");
if (page) render(html`<share-page></share-page>`, page as HTMLElement);
