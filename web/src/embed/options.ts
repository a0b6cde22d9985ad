/** What an address below /embed/ asks for. */

export const NAMES = ["belt", "bank", "matrix", "meter", "lesson"] as const;
export type EmbedName = (typeof NAMES)[number];

export const TAGS = {
  belt: "sushi-belt",
  bank: "memory-bank",
  matrix: "similarity-matrix",
  meter: "consistency-meter",
} as const;

export interface EmbedOptions {
  name: EmbedName | null;
  /** Of a page on a static site: the service to be live from. Null: the one that the page came from, if any. */
  src: string | null;
  run: string | null;
  /** By which a private run is shown. It stands in the fragment, which no browser sends to anybody. */
  token: string | null;
  /** A file, or for the lesson a folder that ends in a slash. */
  recording: URL | null;
  theme: "light" | "dark" | "auto";
  calm: boolean;
  /** Parts left out, separated by spaces as the attribute takes them. */
  hide: string;
}

/**
 * Reads `address`; `service` is what a recording's address is relative to. `kept` is the recording of a page on a static
 * site, where there is no service to ask for a run unless the address names one.
 */
export function embedOptions(address: URL, service: URL, kept: string | null = null): EmbedOptions {
  const { pathname, searchParams: query } = address;
  // A static site has a page for each: embed/belt.html.
  const said = query.get("piece") ?? pathname.slice(pathname.lastIndexOf("/") + 1).replace(/\.html$/, "");
  const theme = query.get("theme");
  const file = query.get("recording") ?? kept;
  const src = kept === null ? null : query.get("src") || null;
  return {
    name: NAMES.find((name) => name === said) ?? null,
    src,
    run: kept === null || src ? query.get("run") : null,
    token: new URLSearchParams(address.hash.slice(1)).get("token") || null,
    recording: file && URL.canParse(file, service) ? new URL(file, service) : null,
    theme: theme === "light" || theme === "dark" ? theme : "auto",
    calm: query.get("motion") === "reduce",
    hide: (query.get("hide") ?? "")
      .split(/[\s,]+/)
      .filter(Boolean)
      .join(" "),
  };
}

/** The attributes of the piece `name`, which may be one of a lesson's. */
export function pieceAttributes(name: keyof typeof TAGS, options: EmbedOptions): Record<string, string> {
  const { src, run, token, recording, calm, hide } = options;
  const folder = recording?.pathname.endsWith("/");
  const file = recording && folder ? new URL(`${name}.sbr`, recording) : recording;
  return {
    compact: "",
    ...(src ? { src } : {}),
    ...(run ? { run } : {}),
    ...(token ? { token } : {}),
    ...(file ? { recording: file.href } : {}),
    ...(calm ? { motion: "reduce" } : {}),
    ...(hide ? { hide } : {}),
  };
}
