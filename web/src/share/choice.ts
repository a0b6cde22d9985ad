/** What an author chose for a page of their own. It stands in the address of the panel, so that a choice can be sent on. */

import { type EmbedName, NAMES } from "../embed/options.js";

/** The tools that code can be had for, in the order in which they are offered. */
export const DIALECTS = ["iframe", "element", "quarto", "mkdocs", "docusaurus", "jupyter", "moodle", "canvas"] as const;
export type Dialect = (typeof DIALECTS)[number];

export const PARTS = ["controls", "words", "meter", "foot"] as const;
export type Part = (typeof PARTS)[number];

/** The least width of a piece. */
export const LEAST_WIDTH = 320;
const LARGEST = 4_000;

/** The height that a piece fits at any width from the least one on. */
export const heightOf = (piece: EmbedName): number => (piece === "meter" ? 240 : 480);

export interface Choice {
  piece: EmbedName;
  /** What it shows: the lesson's own run, a run by its id, or nothing but a recording. */
  source: "auto" | "run" | "recording";
  run: string;
  /** Address of a recording, relative to the service; beside a run it plays while the service is away. */
  recording: string;
  /** Address of an exported folder: the frame is its page, which is live from the service and else plays what it keeps. */
  folder: string;
  theme: "auto" | "light" | "dark";
  calm: boolean;
  /** Pixels; null is as wide as the place it gets. */
  width: number | null;
  height: number;
  hide: readonly Part[];
  dialect: Dialect;
  /** For the tools that take either. */
  form: "frame" | "element";
  /** An element in the low form that frames always have. */
  compact: boolean;
}

export const PLAIN: Choice = {
  piece: "belt",
  source: "auto",
  run: "",
  recording: "",
  folder: "",
  theme: "auto",
  calm: false,
  width: null,
  height: heightOf("belt"),
  hide: [],
  dialect: "iframe",
  form: "frame",
  compact: false,
};

/** The tools whose pages take scripts, so that the author may choose between frame and element. */
export const TAKES_BOTH: readonly Dialect[] = ["quarto", "mkdocs", "docusaurus", "jupyter"];

export function isElement({ dialect, form }: Choice): boolean {
  return dialect === "element" || (form === "element" && TAKES_BOTH.includes(dialect));
}

/** The parts that a piece has, and that can be left out. */
export function partsOf(piece: EmbedName): readonly Part[] {
  if (piece === "meter") return ["foot"];
  return piece === "matrix" ? ["controls", "words", "foot"] : PARTS;
}

/** Reads the query of the panel's address. It has the names of a frame's own address, and what is wrong is left out. */
export function readChoice(query: URLSearchParams): Choice {
  const said = (name: string) => (query.get(name) ?? "").replace(/\p{Cc}/gu, "").trim();
  const one = <T extends string>(name: string, among: readonly T[], plain: T): T =>
    among.find((each) => each === said(name)) ?? plain;
  const size = (name: string) => (/^\d+$/.test(said(name)) ? Math.min(Math.max(1, Number(said(name))), LARGEST) : null);
  const run = said("run");
  const recording = said("recording");
  const piece = one("piece", NAMES, PLAIN.piece);
  const named = run !== "" && run !== "auto" && piece !== "lesson";
  const hidden = said("hide").split(/[\s,]+/);
  return {
    piece,
    // As a frame's address has it: a recording alone plays at once.
    source: named ? "run" : recording && run === "" ? "recording" : "auto",
    run: named ? run : "",
    recording,
    folder: said("folder"),
    theme: one("theme", ["auto", "light", "dark"], PLAIN.theme),
    calm: said("motion") === "reduce",
    width: size("width"),
    height: size("height") ?? heightOf(piece),
    hide: PARTS.filter((part) => hidden.includes(part)),
    dialect: one("for", DIALECTS, PLAIN.dialect),
    form: one("form", ["frame", "element"], PLAIN.form),
    compact: query.has("compact"),
  };
}

/** The query that `readChoice` makes the choice of; what is as by itself is not said. */
export function writeChoice(choice: Choice): string {
  const pairs: [string, string][] = [["piece", choice.piece], ...shownPairs(choice)];
  if (choice.folder) pairs.push(["folder", choice.folder]);
  if (choice.width !== null) pairs.push(["width", String(choice.width)]);
  if (choice.height !== heightOf(choice.piece)) pairs.push(["height", String(choice.height)]);
  if (choice.dialect !== PLAIN.dialect) pairs.push(["for", choice.dialect]);
  if (choice.form !== PLAIN.form) pairs.push(["form", choice.form]);
  if (choice.compact) pairs.push(["compact", ""]);
  return queryOf(pairs);
}

/** The exported folder whose page the frame shows, if any. */
export function folderOf({ folder, source }: Choice): URL | null {
  if (source === "recording" || !URL.canParse(folder) || !/^https?:/.test(folder)) return null;
  return new URL(folder.endsWith("/") ? folder : `${folder}/`);
}

/** The run that is named, if any: `auto` must be said where a recording stands beside it. */
export function namedRun({ source, run, recording, piece }: Choice): string | null {
  if (source === "run" && run && piece !== "lesson") return run;
  return source !== "recording" && recording ? "auto" : null;
}

/** What a frame's address says of the choice. */
export function shownPairs(choice: Choice): [string, string][] {
  const pairs: [string, string][] = [];
  const run = namedRun(choice);
  if (run) pairs.push(["run", run]);
  if (choice.recording) pairs.push(["recording", choice.recording]);
  return [...pairs, ...lookPairs(choice)];
}

/** What it says of the looks alone. */
export function lookPairs({ theme, calm, hide, piece }: Choice): [string, string][] {
  const pairs: [string, string][] = [];
  const hidden = hide.filter((part) => partsOf(piece).includes(part));
  if (theme !== "auto") pairs.push(["theme", theme]);
  if (calm) pairs.push(["motion", "reduce"]);
  if (hidden.length > 0) pairs.push(["hide", hidden.join(",")]);
  return pairs;
}

/** Commas, colons and slashes stay readable: they may stand in a query as they are. */
export function queryOf(pairs: readonly [string, string][]): string {
  const text = (value: string) =>
    encodeURIComponent(value).replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%2F", "/");
  return pairs.map(([name, value]) => (value ? `${text(name)}=${text(value)}` : text(name))).join("&");
}
