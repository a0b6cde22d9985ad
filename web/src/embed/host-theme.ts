/** Light or dark as the page around shows itself. Each maker of course sites says it in its own way. */

import type { Theme } from "../theme.js";

const system = matchMedia("(prefers-color-scheme: dark)");
const WATCHED = ["class", "data-theme", "data-bs-theme", "data-md-color-scheme"];

/** What the page says of itself, else what the system prefers. */
export function hostTheme(): Theme {
  const { documentElement: html, body } = document;
  // Material for MkDocs: its dark scheme is called slate, and it stands on the body.
  const material = body?.dataset.mdColorScheme;
  if (material) return material === "slate" ? "dark" : "light";
  if (body?.classList.contains("quarto-dark")) return "dark";
  if (body?.classList.contains("quarto-light")) return "light";
  // Docusaurus, Jupyter Book and the PyData theme; Bootstrap's own.
  for (const said of [html.dataset.theme, html.dataset.bsTheme, body?.dataset.bsTheme]) {
    if (said === "dark" || said === "light") return said;
  }
  // MyST.
  if (html.classList.contains("dark")) return "dark";
  if (html.classList.contains("light")) return "light";
  return system.matches ? "dark" : "light";
}

const listeners = new Set<() => void>();
const tell = () => {
  for (const listener of listeners) listener();
};
let observer: MutationObserver | null = null;

/** Call `listener` whenever the page may have changed its theme; returns the way to stop. */
export function onHostTheme(listener: () => void): () => void {
  if (!observer) {
    observer = new MutationObserver(tell);
    const options = { attributes: true, attributeFilter: WATCHED };
    observer.observe(document.documentElement, options);
    if (document.body) observer.observe(document.body, options);
    system.addEventListener("change", tell);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    observer?.disconnect();
    observer = null;
    system.removeEventListener("change", tell);
  };
}
