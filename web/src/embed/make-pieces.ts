import type { LitElement } from "lit";
import { ATTRIBUTES, type Figure, PieceController } from "./piece.js";

/** Figures become pieces: those that stand in the page already, and each made from now on. */
export function makePieces(figures: readonly (typeof LitElement)[]): void {
  for (const figure of figures) {
    for (const name of ATTRIBUTES) reflect(figure.prototype, name);
    figure.addInitializer((element) => new PieceController(element as unknown as Figure));
  }
  // The browser made these when the figures' own code came, just before this ran.
  for (const element of everyElement(document)) {
    if (figures.some((figure) => element instanceof figure)) new PieceController(element as unknown as Figure);
  }
}

/** All elements of a page, those in open shadow trees too. */
function* everyElement(root: Document | ShadowRoot): Generator<Element> {
  for (const element of root.querySelectorAll("*")) {
    yield element;
    if (element.shadowRoot) yield* everyElement(element.shadowRoot);
  }
}

/** A property that is the attribute of the same name. */
function reflect(prototype: object, name: string): void {
  Object.defineProperty(prototype, name, {
    configurable: true,
    enumerable: true,
    get(this: Element) {
      return this.getAttribute(name);
    },
    set(this: Element, value: string | null | undefined) {
      if (value == null) this.removeAttribute(name);
      else this.setAttribute(name, String(value));
    },
  });
}
