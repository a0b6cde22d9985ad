import type { LessonName } from "../api.js";
import { DRAWN, drawnAt, isShown, PLACES, type Term, termAt } from "../model/terms.js";

const LIT = "3px solid var(--mark)";

/**
 * Words, or a formula's letter, that name a part of the section's figure. Pointing at them, tapping them or focusing
 * them lights the part and every other mention; pointing at the part lights the mentions. An outline and an underline,
 * so that no colour need be told from another.
 */
export class TermWord extends HTMLElement {
  connectedCallback(): void {
    const section = this.closest<HTMLElement>("section.concept");
    if (!section || !isShown(section.id as LessonName, this.term)) return;
    this.tabIndex = 0;
    this.setAttribute("role", "button");
    this.setAttribute("aria-pressed", "false");
    this.title = `Shown in the figure: ${this.term}`;
    for (const name of ["pointerenter", "focus", "click"]) this.addEventListener(name, this.on);
    for (const name of ["pointerleave", "blur"]) this.addEventListener(name, this.off);
    this.addEventListener("keydown", this.pressed);
    bind(section);
  }

  private get term(): Term {
    return this.getAttribute("term") as Term;
  }

  private readonly on = () => light(this.closest("section")!, this.term);
  private readonly off = () => {
    if (!this.matches(":focus, :hover")) light(this.closest("section")!, null);
  };
  private readonly pressed = (event: KeyboardEvent) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    this.on();
  };
}

const lit = new WeakMap<Element, HTMLElement[]>();
const bound = new WeakSet<Element>();

/**
 * Light one term of a section, in words and figure, or none. `drawn`: drawn parts too. Where the pointer is on them they
 * stay as they are: a figure that changed under each move of the pointer could not be looked at.
 */
export function light(section: Element, term: Term | null, drawn = true): void {
  for (const place of lit.get(section) ?? []) place.style.removeProperty("outline");
  const figure = section.querySelector(".figure");
  const { by, terms } = DRAWN[section.id as LessonName];
  const artist = figure && deep(figure, by)[0];
  if (drawn && term && terms.includes(term)) artist?.setAttribute("lit", term);
  else artist?.removeAttribute("lit");
  const selectors = term ? PLACES[section.id as LessonName][term] : undefined;
  const places = figure && selectors ? selectors.flatMap((selector) => deep(figure, selector)) : [];
  // Through CSSOM: the content security policy forbids style attributes.
  for (const place of places) place.style.setProperty("outline", LIT);
  lit.set(section, places);
  for (const word of section.querySelectorAll("term-word")) {
    const mine = word.getAttribute("term") === term;
    word.toggleAttribute("lit", mine);
    word.setAttribute("aria-pressed", String(mine));
  }
}

/** The way back: a part of the figure under the pointer or the focus lights its words. Once a section. */
function bind(section: HTMLElement): void {
  const figure = section.querySelector(".figure");
  if (!figure || bound.has(section)) return;
  bound.add(section);
  let now = "";
  const look = (event: Event) => {
    const path = event.composedPath() as Element[];
    const over = drawnAt(section.id as LessonName, path);
    const term = over ?? termAt(section.id as LessonName, path);
    const next = term ? `${term} ${over === null}` : "";
    if (next !== now) light(section, term, over === null);
    now = next;
  };
  const end = () => {
    if (now) light(section, null);
    now = "";
  };
  for (const name of ["pointermove", "focusin", "keydown"]) figure.addEventListener(name, look, { passive: true });
  for (const name of ["pointerleave", "focusout"]) figure.addEventListener(name, end);
  // A number in the text is the same variable as a part of the figure.
  for (const number of section.querySelectorAll<HTMLElement>("drag-number[term]")) {
    const on = () => light(section, number.getAttribute("term") as Term);
    const off = () => number.matches(":focus-within, :hover") || light(section, null);
    for (const name of ["pointerenter", "focusin"]) number.addEventListener(name, on);
    for (const name of ["pointerleave", "focusout"]) number.addEventListener(name, off);
  }
}

function deep(root: Element | ShadowRoot, selector: string): HTMLElement[] {
  const found = [...root.querySelectorAll<HTMLElement>(selector)];
  for (const one of root.querySelectorAll("*")) if (one.shadowRoot) found.push(...deep(one.shadowRoot, selector));
  return found;
}

customElements.define("term-word", TermWord);

declare global {
  interface HTMLElementTagNameMap {
    "term-word": TermWord;
  }
}
