/**
 * How a figure looks as a piece of somebody else's page: the house's tokens on the element itself, parts that `hide`
 * leaves out, and the low form (`compact`) that fits 480 pixels with all its controls.
 */

import { type CSSResult, css, unsafeCSS } from "lit";
import tokens from "../../styles/tokens.css?inline";
import { isPiece, type PieceTag } from "./kinds.js";

/**
 * The tokens stand on the page's root in the lesson; here on the element, where the page around may set them anew. The
 * attribute is of our own name: other style sheets have rules for any [data-theme].
 */
const HOUSE = unsafeCSS(
  tokens.replace(/:root(\[[^\]]*\])?/g, (_, theme?: string) =>
    theme ? `:host(${theme.replace("data-theme", "data-belt-theme")})` : ":host",
  ),
);

const EVERY = css`
:host {
  text-align: start;
  font-weight: 400;
  letter-spacing: normal;
  text-transform: none;
}
.head status-badge,
:host([data-watch]) .controls transport-bar {
  display: none;
}
:host([hide~="controls"]) .controls,
:host([hide~="words"]) :is(.words, .legend, h3),
:host([hide~="meter"]) :is(consistency-meter, .inside),
:host([hide~="foot"]) piece-foot {
  display: none;
}
:host([compact]) {
  --text-hero: 2rem;
  --text-xl: 1.1rem;
  --text-l: 1rem;
  --text-m: 0.875rem;
  --radius: 0.75rem;
}
:host([compact]) .controls {
  gap: 0.3rem 1.25rem;
  padding: 0.35rem 0.9rem;
}
:host([compact]) knob-slider::part(ticks),
:host([compact]) transport-bar::part(slow),
:host([compact]) transport-bar::part(file),
:host([compact]) details,
:host([compact][data-source="recording"]) .controls {
  display: none;
}
`;

/** Each piece by itself, at most 440 pixels high from 320 pixels of width on. */
const COMPACT: Readonly<Record<PieceTag, CSSResult>> = {
  "sushi-belt": css`
:host([compact]) { --belt-scale: 0.56; --belt-text: 0.6875rem; }
:host([compact]) .figure { overflow-clip-margin: 0; }
:host([compact]) :is(.head, .all, .words) { display: none; }
:host([compact]) consistency-meter::part(more) { display: none; }
:host([compact]) belt-stage { margin: 0.2rem 0.3rem 0; }
:host([compact]) age-curve { height: 5.25rem; min-height: 0; }
:host([compact]) knob-slider { flex-basis: 12rem; }
/* The buttons stand below the sliders: the belt gives them room. */
@container (max-width: 52rem) {
  :host([compact]) belt-stage { --belt-scale: 0.54; }
}
@container (max-width: 33rem) {
  :host([compact]) .inside { grid-template-columns: minmax(0, 1fr); padding: 0 0.3rem; }
  :host([compact]) age-curve { display: none; }
  :host([compact]) belt-stage { --text-hero: 1.5rem; }
  :host([compact]) .controls { grid-template-columns: 1fr 1fr; column-gap: 1rem; }
  :host([compact]) transport-bar { grid-column: 1 / -1; }
}
`,
  "memory-bank": css`
:host([compact]) .whole { display: grid; grid-template-columns: minmax(0, 1fr) 13rem; }
:host([compact]) :is(.controls, piece-foot) { grid-column: 1 / -1; }
:host([compact]) .body { gap: 0.4rem; padding: 0.6rem 0.9rem; align-content: start; }
:host([compact]) .below { padding: 0.6rem 0.9rem 0 0 !important; }
:host([compact]) .readings { display: block; border: 0; padding: 0; }
:host([compact]) :is(.head h3, .faces, .chart, .card) { display: none; }
:host([compact]) memory-bank-wall { --wall-height: 190; }
:host([compact]) .legend { margin-top: 0.3rem; }
@container (max-width: 560px) {
  :host([compact]) .whole { grid-template-columns: minmax(0, 1fr); }
  :host([compact]) .controls { order: 2; border-bottom: 0; }
  :host([compact]) .below { padding: 0 0.9rem 0.4rem !important; }
  :host([compact]) consistency-meter::part(more) { display: none; }
  :host([compact]) :is(.readings p, .legend > :first-child) { display: none; }
  /* Cells are whole pixels: of 8,192 rows any lower wall would have cells of one. */
  :host([compact]) memory-bank-wall { --wall-height: 130; }
}
`,
  "similarity-matrix": css`
:host([compact]) .body { gap: 0.4rem; padding: 0.6rem 0.9rem; }
:host([compact]) :is(.head h3, .below, .views, .views + p, .card p) { display: none; }
:host([compact]) .main { grid-template-columns: 14.5rem minmax(0, 1fr); gap: 0.6rem 1.4rem; }
:host([compact]) .side { gap: 0.4rem; }
:host([compact]) .switches { margin: 0.3rem 0 0; }
:host([compact]) .legend { margin-top: 0.2rem; gap: 0.1rem 1rem; }
:host([compact]) ramp-strip { width: 2.5rem; }
@container (max-width: 39rem) {
  :host([compact]) .pair figure { box-sizing: border-box; padding-inline: 0.9rem; }
  :host([compact]) .pair figcaption { margin-inline: -1.5rem; }
}
@container (max-width: 560px) {
  :host([compact]) .main { grid-template-columns: minmax(0, 1fr); }
  :host([compact]) .frame { display: block; width: 11rem; margin: auto; }
  :host([compact]) :is(.across, .down, .legend, .card, .side h3) { display: none; }
}
/* On a phone the switches take three rows, and the choice between eight images and all gives way to them. */
@container (max-width: 24rem) {
  :host([compact]) .head { display: none; }
}
`,
  "consistency-meter": css`
:host { border: 1px solid var(--line); border-radius: var(--radius); background: var(--surface); padding: 0.8rem 1rem 0; }
piece-foot { margin: 0.5rem -1rem 0; }
`,
};

/** Put the styles of a piece on a figure, after its own. */
export function dress(figure: HTMLElement & { readonly renderRoot: HTMLElement | DocumentFragment }): void {
  const { renderRoot, localName } = figure;
  if (!(renderRoot instanceof ShadowRoot) || !isPiece(localName)) return;
  const worn = renderRoot.adoptedStyleSheets;
  const wanted = [HOUSE, EVERY, COMPACT[localName]].map(({ styleSheet }) => styleSheet!);
  if (!worn.includes(wanted[0]!)) renderRoot.adoptedStyleSheets = [...worn, ...wanted];
}
