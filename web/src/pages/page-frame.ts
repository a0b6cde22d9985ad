import { html, nothing, type TemplateResult } from "lit";
import type { Catalog } from "../api.js";

interface Intro {
  catalog: Catalog | null;
  /** Why nothing comes, in words fit to show. */
  trouble: string | null;
  /** Folder of recordings beside the page, where the service does not answer. */
  offer: string | null;
  recorded: boolean;
  /** Figures open on recorded moments. */
  moments: boolean;
}

/** What the page is about, before the first concept. */
export function pageIntro({ catalog, trouble, offer, recorded, moments }: Intro): TemplateResult {
  return html`<div class="intro">
    <h1>Scaling the negatives, ${recorded ? "recorded" : "live"}</h1>
    <p>
      Contrastive learning is hungry for negatives. To know what makes a picture itself, a network must see what it is not,
      thousands of times over, and a mini-batch of ordinary size does not hold that many.
    </p>
    <p>
      Three answers follow: store every embedding in a bank, keep the newest in a queue fed by a slow teacher, or make the
      batch itself count. Nothing here is simulated. ${recorded ? past() : moments ? moment(catalog) : present(catalog)}
    </p>
    ${
      trouble
        ? html`<p class="notice" role="status">
            ${trouble} ${recorded ? nothing : `${moments ? "The figures show what was recorded; they can go live" : "The figures fill in"} as soon as one does. The page keeps asking.`}
            ${offer ? html`<br /><a href="?recording=${offer}">Play the recorded lesson</a>` : nothing}
          </p>`
        : nothing
    }
  </div>`;
}

function present(catalog: Catalog | null): TemplateResult {
  return html`Behind each figure a small network is training on ${machine(catalog)}, and every number is measured on it.`;
}

function moment(catalog: Catalog | null): TemplateResult {
  return html`Each figure opens on a recorded moment of a real training run. Go live, or touch a knob, and a small network
    trains behind it on ${machine(catalog)}; every number is measured on it.`;
}

function machine(catalog: Catalog | null): string {
  const device = catalog?.devices[0];
  return device ? `the service’s ${device.kind === "cpu" ? "processor" : device.name}` : "the service’s machine";
}

function past(): TemplateResult {
  return html`<strong>This is a recording</strong>: each figure plays what a small network did while it trained, and every
    number was measured on it then. Play, pause and scrub with the bar below each figure.`;
}

/** What the page measures, from the service's own table, and where to get it without a browser. */
export function pageFoot(catalog: Catalog | null, recorded: boolean): TemplateResult {
  const figures = Object.values(catalog?.figures ?? {}).filter((figure) => figure.sample !== "set");
  return html`<footer class="foot">
    <h2>What this page measures</h2>
    <p>
      Consistency is not a picture of a formula: stored keys are encoded again, from the same random views, by the encoder as
      it is now, and compared. It is corrected for chance, because an encoder that maps everything to one point would
      otherwise look perfectly consistent. Age is only counted. Between two measurements plates move, numbers do not.
    </p>
    ${
      figures.length === 0
        ? nothing
        : html`<details>
            <summary>All ${figures.length} figures and how they are made</summary>
            <dl>
              ${figures.map(
                (figure) =>
                  html`<div>
                    <dt>${figure.title}</dt>
                    <dd>${figure.formula}. Over: ${figure.sample}.${figure.source ? ` ${figure.source}.` : ""}</dd>
                  </div>`,
              )}
            </dl>
          </details>`
    }
    ${
      recorded
        ? nothing
        : html`<p>
      The same runs answer to scripts: see the <a href="docs/">reference</a>, or <a href="openapi.json">OpenAPI</a>${
        catalog ? html`, version ${catalog.version}` : nothing
      }.
    </p>`
    }
  </footer>`;
}
