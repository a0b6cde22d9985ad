/** The code that puts a piece on a page, in the words of each tool. Nothing here touches a page. */

import { type EmbedName, TAGS } from "../embed/options.js";
import { type Choice, folderOf, isElement, lookPairs, namedRun, partsOf, queryOf, shownPairs } from "./choice.js";

export interface Block {
  /** Where in the author's tool it goes. */
  where: string;
  code: string;
}

/** What is shown, for who cannot see it. The service's oEmbed answers say the same. */
export const TITLES: Readonly<Record<EmbedName, string>> = {
  belt: "The queue of a momentum encoder",
  bank: "A memory bank and how it goes stale",
  matrix: "The similarity matrix of a batch",
  meter: "The consistency of stored keys",
  lesson: "Memory bank, queue and similarity matrix",
};

type Pairs = readonly (readonly [string, string])[];

/** The address that a frame shows. */
export function frameAddress(choice: Choice, service: URL): string {
  const folder = folderOf(choice);
  if (folder) {
    const run = namedRun(choice) ?? "auto";
    const asked = queryOf([["src", service.href], ["run", run], ...lookPairs(choice)]);
    return `${new URL(`embed/${choice.piece}.html`, folder).href}?${asked}`;
  }
  const query = queryOf(shownPairs(choice));
  return new URL(`embed/${choice.piece}`, service).href + (query && `?${query}`);
}

/** The elements that show the choice, with their attributes. The lesson is three. */
export function elementsOf(choice: Choice, service: URL): { tag: string; attributes: Pairs }[] {
  const { piece, recording, theme, calm, hide, compact } = choice;
  const names = piece === "lesson" ? (["bank", "belt", "matrix"] as const) : [piece];
  const run = namedRun(choice);
  // Written into another site's page, where an address without a host would mean a file of that site.
  const file = recording && URL.canParse(recording, service) ? new URL(recording, service).href : recording;
  return names.map((name) => {
    const attributes: [string, string][] = [];
    const hidden = hide.filter((part) => partsOf(name).includes(part));
    if (run) attributes.push(["run", run]);
    if (file) attributes.push(["recording", file.endsWith("/") ? `${file}${name}.sbr` : file]);
    if (theme !== "auto") attributes.push(["theme", theme]);
    if (calm) attributes.push(["motion", "reduce"]);
    if (hidden.length > 0) attributes.push(["hide", hidden.join(" ")]);
    if (compact) attributes.push(["compact", ""]);
    return { tag: TAGS[name], attributes };
  });
}

/** All code for the choice. `local`: the service lies on a private network or on the reader's machine. */
export function snippet(choice: Choice, service: URL, local = false): Block[] {
  const script = new URL("elements.js", service).href;
  const tag = `<script type="module" src="${escaped(script)}"></script>`;
  const element = isElement(choice);
  const html = element ? `${tag}\n${elementHtml(choice, service)}` : frameHtml(choice, service, local);
  switch (choice.dialect) {
    case "quarto":
      return [{ where: "In the .qmd file", code: `\`\`\`{=html}\n${html}\n\`\`\`` }];
    case "mkdocs":
      if (!element) return [{ where: "In the page, with an empty line before and after it", code: html }];
      return [
        { where: "In mkdocs.yml", code: `extra_javascript:\n  - path: ${JSON.stringify(script)}\n    type: module` },
        { where: "In the page", code: elementHtml(choice, service) },
      ];
    case "docusaurus":
      if (!element) return [{ where: "In the .mdx file", code: frameJsx(choice, service, local) }];
      return [
        {
          where: "In docusaurus.config.js, inside the configuration",
          code: `scripts: [{ src: ${JSON.stringify(script)}, type: "module" }],`,
        },
        { where: "In the .mdx file", code: elementHtml(choice, service, true) },
      ];
    case "jupyter": {
      const sphinx = { where: "Jupyter Book 1, Sphinx", code: `\`\`\`{raw} html\n${html}\n\`\`\`` };
      if (element) return [sphinx];
      // Its words are the caption: the directive has no title, no height and no permissions.
      const width = choice.width === null ? "100%" : `${choice.width}px`;
      const myst = `:::{iframe} ${frameAddress(choice, service)}\n:width: ${width}\n${title(choice)}\n:::`;
      return [{ where: "Jupyter Book 2, MyST", code: myst }, sphinx];
    }
    case "moodle":
      return [{ where: "In the editor: Tools, Source code", code: html }];
    case "canvas":
      return [{ where: "In the editor: the </> below the text", code: html }];
    case "element":
      return [{ where: "In the page", code: html }];
    case "iframe":
      return [{ where: "In the page", code: html }];
  }
}

export function title(choice: Choice): string {
  const recorded = choice.recording && namedRun(choice) === null;
  return `${TITLES[choice.piece]}, ${recorded ? "recorded" : "training live"}`;
}

/** Attributes of a frame; what a course system takes out of them does no harm. */
function frameAttributes(choice: Choice, service: URL, local: boolean): Pairs {
  return [
    ["src", frameAddress(choice, service)],
    ["title", title(choice)],
    ["width", choice.width === null ? "100%" : String(choice.width)],
    ["height", String(choice.height)],
    ["style", "border: 0"],
    ["loading", "lazy"],
    ...(local ? ([["allow", "local-network-access"]] as const) : []),
  ];
}

function frameHtml(choice: Choice, service: URL, local: boolean): string {
  const [src, name, ...rest] = frameAttributes(choice, service, local).map(written);
  return `<iframe ${src} ${name}\n  ${rest.join(" ")}></iframe>`;
}

function frameJsx(choice: Choice, service: URL, local: boolean): string {
  const lines = frameAttributes(choice, service, local).map((pair) =>
    pair[0] === "style" ? "style={{border: 0}}" : written(pair),
  );
  return `<iframe\n${lines.map((line) => `  ${line}\n`).join("")}/>`;
}

/** One element a line, apart from the one above. They are as wide as their place, so a width of pixels is the most that they take. */
function elementHtml(choice: Choice, service: URL, jsx = false): string {
  const { width } = choice;
  return elementsOf(choice, service)
    .map(({ tag, attributes }, place) => {
      const parts = attributes.map((pair) => (pair[1] || jsx ? written(pair) : pair[0]));
      const styles = [jsx ? 'display: "block"' : "display: block"];
      if (place > 0) styles.push(jsx ? 'marginTop: "1rem"' : "margin-top: 1rem");
      if (width !== null) styles.push(jsx ? `maxWidth: ${width}` : `max-width: ${width}px`);
      if (styles.length > 1) parts.push(jsx ? `style={{${styles.join(", ")}}}` : written(["style", styles.join("; ")]));
      return `<${[tag, ...parts].join(" ")}></${tag}>`;
    })
    .join("\n");
}

const written = ([name, value]: readonly [string, string]) => `${name}="${escaped(value)}"`;

/** For an attribute in double quotes. JSX reads the same entities, and a brace means nothing in there. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
