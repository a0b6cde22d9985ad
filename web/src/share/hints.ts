/** What may stand between the code and a reader who sees something: said while the author is still here. */

import { type Choice, folderOf, heightOf, isElement, LEAST_WIDTH } from "./choice.js";

export interface Hint {
  /** Without it nothing would be shown. */
  grave: boolean;
  text: string;
  /** What would help, to be copied. */
  code?: string;
}

/** Names that no public name server answers. */
const HOME = [".localhost", ".local", ".internal", ".lan", ".home.arpa"];

export function isLoopback({ hostname }: URL): boolean {
  return /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

/** On this machine or on a private network, by address or name. A public name may still lead to a private address. */
export function isPrivate(service: URL): boolean {
  const { hostname } = service;
  if (isLoopback(service)) return true;
  const four = /^(\d+)\.(\d+)\.\d+\.\d+$/.exec(hostname)?.slice(1).map(Number);
  if (four) {
    const [a, b] = four as [number, number];
    return a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168) || (a === 169 && b === 254);
  }
  if (hostname.startsWith("[")) return /^\[(f[cd]|fe[89ab])/.test(hostname);
  return !hostname.includes(".") || HOME.some((end) => hostname.endsWith(end));
}

/** The origins, besides the service's own, that may frame the pieces, by the policy that came with one; null: unknown. */
export function framers(policy: string | null): readonly string[] | null {
  const said = /frame-ancestors ([^;]*)/.exec(policy ?? "")?.[1];
  return said === undefined ? null : said.split(/\s+/).filter((origin) => origin !== "" && !origin.startsWith("'"));
}

/** `sites`: what `framers` found. */
export function hints(choice: Choice, service: URL, sites: readonly string[] | null): Hint[] {
  return [
    ...incomplete(choice),
    ...allowed(sites),
    ...reachable(choice, service),
    ...elsewhere(choice, service),
    ...ofTheTool(choice),
    ...size(choice),
  ];
}

function incomplete({ source, run, recording, piece }: Choice): Hint[] {
  if (source === "run" && !run) {
    return [{ grave: false, text: "No run is named yet, so the lesson’s own run is shown." }];
  }
  if (source === "recording" && !recording) {
    return [{ grave: false, text: "No recording is named yet, so the lesson’s own run is shown." }];
  }
  if (piece === "lesson" && recording && !recording.endsWith("/")) {
    const text = "The lesson takes a folder with bank.sbr, belt.sbr and matrix.sbr: an address that ends in a slash.";
    return [{ grave: true, text }];
  }
  return [];
}

function allowed(sites: readonly string[] | null): Hint[] {
  const SETTING = "SUSHIBELT_EMBED_ORIGINS=";
  const YOURS = "https://your-site.example";
  if (sites === null)
    return [
      {
        grave: false,
        text: "No service said which sites may show its pieces: it does not answer, or the page lies on a plain host.",
      },
    ];
  if (sites.includes("*")) return [];
  if (sites.length === 0) {
    const text =
      "No other site may show the pieces of this service yet. Who runs it starts it again with your site’s name:";
    return [{ grave: true, text, code: SETTING + YOURS }];
  }
  const text = `These sites may show it: ${sites.join(", ")}. For another one, who runs the service adds it:`;
  return [{ grave: false, text, code: `${SETTING}${[...sites, YOURS].join(",")}` }];
}

function reachable(choice: Choice, service: URL): Hint[] {
  const found: Hint[] = [];
  if (isPrivate(service)) {
    const where = isLoopback(service)
      ? `${service.host} is each reader’s own machine: nobody else sees anything there.`
      : `${service.host} is on a private network: only readers inside it see anything.`;
    const asks =
      "Where the page around is on the public web, Chrome also asks each reader for access to the local network";
    const passes = isElement(choice) ? "." : ', and the frame needs allow="local-network-access", as below.';
    found.push({ grave: true, text: `${where} ${asks}${passes}` });
  }
  if (service.protocol === "http:" && !isLoopback(service)) {
    const text =
      "A page that came by https shows nothing that comes by http. Put the service behind a proxy with HTTPS.";
    found.push({ grave: true, text });
  }
  return found;
}

/** What is fetched from another host, or shown by one. */
function elsewhere(choice: Choice, service: URL): Hint[] {
  const { recording, folder } = choice;
  const found: Hint[] = [];
  const site = isElement(choice) ? null : folderOf(choice);
  if (site) {
    const text =
      "The frame is the folder’s own page: it is live from this service, and plays the folder’s recording while that " +
      "is away. The service must let that site in, and the folder must come from “sushibelt export --site”. The preview " +
      "shows the service’s page, which looks the same.";
    found.push({ grave: false, text });
  } else if (folder && !isElement(choice) && choice.source !== "recording") {
    found.push({ grave: true, text: "The folder’s address must be whole, like https://your-site.example/demo/." });
  }
  if (!site && URL.canParse(recording, service) && new URL(recording, service).origin !== service.origin) {
    const text = isElement(choice)
      ? "The recording is on another host. Unless that is the host of your page, it must allow it to be read (CORS)."
      : "A frame is a page of this service, and plays no recording of another host. Take an element, or an exported folder.";
    found.push({ grave: !isElement(choice), text });
  }
  return found;
}

function ofTheTool(choice: Choice): Hint[] {
  const note = (text: string) => [{ grave: false, text }];
  const element = isElement(choice);
  const watch = "From another site elements only watch; the knobs of a frame work.";
  switch (choice.dialect) {
    case "moodle":
      return note(
        "In a page, a book or a label it stays; from texts of students, as in a forum, Moodle takes frames out.",
      );
    case "canvas":
      return note(
        "Canvas takes out what it does not know of a frame, such as allow and loading. It hears the frame’s height.",
      );
    case "jupyter":
      if (element) return note(`${watch} Jupyter Book 2 takes scripts out: there take the frame.`);
      return note(
        "In Jupyter Book 2 a frame is three fifths as high as it is wide, whatever height is chosen, and passes no permission on.",
      );
    case "iframe":
    case "quarto":
    case "mkdocs":
    case "docusaurus":
    case "element":
      return element ? note(watch) : [];
  }
}

function size(choice: Choice): Hint[] {
  const { width, height, piece } = choice;
  const found: Hint[] = [];
  if (width !== null && width < LEAST_WIDTH) {
    found.push({ grave: false, text: `Pieces are made for ${LEAST_WIDTH} pixels of width or more.` });
  }
  const least = heightOf(piece);
  if (!isElement(choice) && height < least) {
    found.push({ grave: false, text: `Lower than ${least} pixels it may scroll inside, where the page is narrow.` });
  }
  return found;
}
