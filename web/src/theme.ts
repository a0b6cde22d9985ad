/** Light or dark: what the system prefers, unless the reader chose. The choice stands on <html data-theme>. */

export type Theme = "light" | "dark";

const KEY = "sushibelt-theme";
const system = typeof matchMedia === "function" ? matchMedia("(prefers-color-scheme: dark)") : null;
const changes = new EventTarget();

/** Elements that stand in somebody else's page and have a theme of their own. */
const pieces = new WeakMap<Node, Theme>();

/** The theme that is showing now, to `element` where it is part of a piece with a theme of its own. */
export function theme(element?: Element): Theme {
  let at: Element | undefined = element;
  while (at) {
    const own = pieces.get(at);
    if (own) return own;
    const root = at.getRootNode();
    at = root instanceof ShadowRoot ? root.host : undefined;
  }
  return document.documentElement.dataset.theme === "dark" ? "dark" : "light";
}

/** Give an element and all inside it a theme of its own. */
export function setPieceTheme(piece: Element, next: Theme): void {
  if (pieces.get(piece) === next) return;
  pieces.set(piece, next);
  changes.dispatchEvent(new Event("theme"));
}

/** Call `listener` whenever the theme changes; returns the way to stop. Canvases use it to redraw. */
export function onTheme(listener: () => void): () => void {
  const wrapped = () => listener();
  changes.addEventListener("theme", wrapped);
  return () => changes.removeEventListener("theme", wrapped);
}

/** The reader's choice, or null for the system's. */
export function chosenTheme(): Theme | null {
  const stored = remembered();
  return stored === "light" || stored === "dark" ? stored : null;
}

export function chooseTheme(choice: Theme | null): void {
  try {
    if (choice === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, choice);
  } catch {
    // Storage may be blocked in a frame; the choice then lasts as long as the page.
  }
  show(choice ?? preferred());
}

/** Put the theme on the page and follow the system from now on. Call once, before the first paint. */
export function startTheme(): void {
  show(chosenTheme() ?? preferred());
  system?.addEventListener("change", () => show(chosenTheme() ?? preferred()));
}

function preferred(): Theme {
  return system?.matches ? "dark" : "light";
}

function remembered(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function show(next: Theme): void {
  const root = document.documentElement;
  if (root.dataset.theme === next) return;
  root.dataset.theme = next;
  changes.dispatchEvent(new Event("theme"));
}
