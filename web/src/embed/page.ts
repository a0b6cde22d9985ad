/** The page in an iframe: /embed/belt, bank, matrix, meter, or lesson, which has the first three behind tabs. */

import { ConsistencyMeter } from "../elements/consistency-meter.js";
import { MemoryBank } from "../elements/memory-bank.js";
import { SimilarityMatrix } from "../elements/similarity-matrix.js";
import { SushiBelt } from "../elements/sushi-belt.js";
import { keptRecording } from "../kept.js";
import { setHere } from "./address.js";
import { announceHeight } from "./height.js";
import { PIECES } from "./kinds.js";
import { makePieces } from "./make-pieces.js";
import { type EmbedOptions, embedOptions, NAMES, pieceAttributes, TAGS } from "./options.js";
import { tabs } from "./tabs.js";

const service = new URL("..", document.baseURI);
setHere(service);
makePieces([SushiBelt, MemoryBank, SimilarityMatrix, ConsistencyMeter]);

function piece(name: keyof typeof TAGS, options: EmbedOptions): HTMLElement {
  const element = document.createElement(TAGS[name]);
  for (const [attribute, value] of Object.entries(pieceAttributes(name, options))) {
    element.setAttribute(attribute, value);
  }
  return element;
}

function content(options: EmbedOptions): HTMLElement[] {
  const { name } = options;
  if (name === null) {
    const wrong = document.createElement("p");
    wrong.className = "wrong";
    wrong.textContent = `There is no such piece; there are ${NAMES.join(", ")}.`;
    return [wrong];
  }
  document.title = `Sushibelt: ${name === "lesson" ? "the lesson" : PIECES[TAGS[name]].title}`;
  if (name !== "lesson") return [piece(name, options)];
  const title = { bank: "Memory bank", belt: "Queue", matrix: "Similarity matrix" };
  // One run fits one of them at most: each shows its own.
  return tabs(title, (tab) => piece(tab, { ...options, run: options.run && "auto", token: null }));
}

/** The pieces inside follow the page, and the page what it was told, by its address or by the page around. */
function followTheme(asked: EmbedOptions["theme"]): void {
  const { dataset } = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  let said = asked;
  const show = () => {
    dataset.theme = said === "auto" ? (system.matches ? "dark" : "light") : said;
  };
  system.addEventListener("change", show);
  addEventListener("message", ({ source, data }) => {
    if (source !== window.parent || data?.type !== "sushibelt:theme") return;
    if (data.theme === "light" || data.theme === "dark" || data.theme === "auto") said = data.theme;
    show();
  });
  show();
}

/**
 * The token, taken out of the address: there people would copy it, and scripts of the page's makers would tell it to
 * others. It stays with this entry of the history, so that it is there again after going back or loading anew.
 */
function takeToken(options: EmbedOptions): void {
  const { token } = options;
  if (token) {
    try {
      history.replaceState({ token }, "", location.pathname + location.search);
    } catch {
      location.replace("#"); // a sandboxed frame may not write more of its address than this
    }
  } else options.token = history.state?.token ?? null;
}

const options = embedOptions(new URL(location.href), service, keptRecording());
takeToken(options);
followTheme(options.theme);
const main = document.querySelector("main");
if (main) {
  main.append(...content(options));
  announceHeight(main);
  // The page around gave the frame another token, which loads nothing anew.
  addEventListener("hashchange", () => {
    const { token } = embedOptions(new URL(location.href), service);
    if (!token) return;
    takeToken({ ...options, token });
    if (options.name !== "lesson") main.firstElementChild?.setAttribute("token", token);
  });
}
