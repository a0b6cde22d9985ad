import { transformWithEsbuild } from "vite";
import { describe, expect, it } from "vitest";
import { NAMES } from "../embed/options.js";
import { type Choice, DIALECTS, PLAIN, TAKES_BOTH } from "./choice.js";
import { frameAddress, snippet, TITLES, title } from "./snippet.js";

const SERVICE = new URL("https://belt.example/lab/");
const SCRIPT = "https://belt.example/lab/elements.js";

interface Tag {
  name: string;
  attributes: Record<string, string | true>;
}

/** All tags of a text that have attributes, with the attributes' entities resolved, as a browser reads them. */
function tags(text: string): Tag[] {
  const plain = (value: string) =>
    value.replace(/&(amp|quot|lt|gt);/g, (_, name: "amp") => ({ amp: "&", quot: '"', lt: "<", gt: ">" })[name]);
  return [...text.matchAll(/<([a-z-]+)((?:\s+[\w-]+(?:="[^"<>]*")?)*)\s*>/g)].map(([, name, inside]) => ({
    name: name!,
    attributes: Object.fromEntries(
      [...inside!.matchAll(/([\w-]+)(?:="([^"]*)")?/g)].map(([, key, value]) => [
        key!,
        value === undefined ? true : plain(value),
      ]),
    ),
  }));
}

/** What React would be told by a text of JSX. */
async function react(text: string): Promise<{ name: string; attributes: Record<string, unknown> }[]> {
  const { code } = await transformWithEsbuild(`<>${text}</>`, "a.jsx", { jsxFactory: "h", jsxFragment: "F" });
  const h = (name: string, attributes: object | null, ...children: unknown[]) =>
    name === "F" ? children.filter((child) => typeof child === "object") : { name, attributes: { ...attributes } };
  return new Function("h", "F", `return ${code}`)(h, "F");
}

const HARD: Choice = {
  ...PLAIN,
  source: "run",
  run: `r"1" & <b> 'c' \`d\` {e}`,
  recording: `https://files.example/a.sbr?x=1&y="2"`,
  theme: "dark",
  calm: true,
  hide: ["words", "foot"],
};
const CHOICES: [string, Choice][] = [
  ["plain", PLAIN],
  ["with everything hard to write", HARD],
  ["with pixels", { ...PLAIN, width: 640, height: 300 }],
  ["of a recording", { ...PLAIN, source: "recording", recording: "recordings/belt.sbr" }],
  ["light", { ...PLAIN, theme: "light" }],
  ["still", { ...PLAIN, calm: true }],
  ...NAMES.map((piece): [string, Choice] => [`of ${piece}`, { ...PLAIN, piece }]),
];
const only = (choice: Choice) => snippet(choice, SERVICE).map(({ code }) => code);

describe.each(CHOICES)("a frame %s", (_, choice) => {
  const wanted = {
    src: frameAddress(choice, SERVICE),
    title: title(choice),
    width: choice.width === null ? "100%" : String(choice.width),
    height: String(choice.height),
    loading: "lazy",
  };

  it.each(["iframe", "quarto", "mkdocs", "moodle", "canvas"] as const)("is HTML for %s", (dialect) => {
    const [code, ...more] = only({ ...choice, dialect });
    expect(more).toEqual([]);
    expect(tags(code!)).toEqual([{ name: "iframe", attributes: { ...wanted, style: "border: 0" } }]);
    expect(code).not.toContain("script");
    expect(code!.startsWith("```{=html}\n") && code!.endsWith("\n```")).toBe(dialect === "quarto");
    expect(code!.split("\n\n")).toHaveLength(1); // an empty line would end the raw HTML of Markdown
  });

  it("is JSX for Docusaurus", async () => {
    const [code] = only({ ...choice, dialect: "docusaurus" });
    expect(await react(code!)).toEqual([{ name: "iframe", attributes: { ...wanted, style: { border: 0 } } }]);
  });

  it("is a directive for Jupyter Book 2 and raw HTML for 1", () => {
    const [myst, sphinx] = snippet({ ...choice, dialect: "jupyter" }, SERVICE);
    const width = choice.width === null ? "100%" : `${choice.width}px`;
    expect(myst!.code.split("\n")).toEqual([`:::{iframe} ${wanted.src}`, `:width: ${width}`, title(choice), ":::"]);
    expect(wanted.src).not.toMatch(/\s/);
    expect(sphinx!.code.split("\n")[0]).toBe("```{raw} html");
    expect(tags(sphinx!.code)[0]!.attributes.src).toBe(wanted.src);
  });

  it.each(["iframe", "quarto", "mkdocs", "docusaurus", "moodle", "canvas"] as const)(
    "passes the permission on from a private address: %s",
    async (dialect) => {
      const [block] = snippet({ ...choice, dialect }, new URL("http://127.0.0.1:8000/"), true);
      const [frame] = dialect === "docusaurus" ? await react(block!.code) : tags(block!.code);
      expect(frame!.attributes.allow).toBe("local-network-access");
    },
  );
});

describe.each(CHOICES)("an element %s", (_, choice) => {
  const file = choice.recording && new URL(choice.recording, SERVICE).href;
  const wanted = {
    ...(choice.source === "run" ? { run: choice.run } : {}),
    ...(file ? { recording: file } : {}),
    ...(choice.theme === "auto" ? {} : { theme: choice.theme }),
    ...(choice.calm ? { motion: "reduce" } : {}),
    ...(choice.hide.length > 0 ? { hide: choice.hide.join(" ") } : {}),
  };
  const names = {
    belt: ["sushi-belt"],
    bank: ["memory-bank"],
    matrix: ["similarity-matrix"],
    meter: ["consistency-meter"],
    lesson: ["memory-bank", "sushi-belt", "similarity-matrix"],
  }[choice.piece];
  // Each but the first stands apart from the one above it.
  const style = (place: number) => {
    const said = [
      ...(place > 0 ? ["margin-top: 1rem"] : []),
      ...(choice.width ? [`max-width: ${choice.width}px`] : []),
    ];
    return said.length > 0 ? { style: ["display: block", ...said].join("; ") } : {};
  };
  const elements = names.map((name, place) => ({ name, attributes: { ...wanted, ...style(place) } }));

  it.each(["element", "quarto", "jupyter"] as const)("comes with its script for %s", (dialect) => {
    const [code, ...more] = only({ ...choice, dialect, form: "element" });
    expect(more).toEqual([]);
    expect(tags(code!)).toEqual([{ name: "script", attributes: { type: "module", src: SCRIPT } }, ...elements]);
  });

  it("has its script in the configuration of MkDocs", () => {
    const [settings, page] = only({ ...choice, dialect: "mkdocs", form: "element" });
    expect(settings).toBe(`extra_javascript:\n  - path: "${SCRIPT}"\n    type: module`);
    expect(tags(page!)).toEqual(elements);
  });

  it("has its script in the configuration of Docusaurus, and is JSX", async () => {
    const [settings, page] = only({ ...choice, dialect: "docusaurus", form: "element" });
    expect(new Function(`return {${settings}}`)()).toEqual({ scripts: [{ src: SCRIPT, type: "module" }] });
    const styled = (place: number) => {
      const said = {
        ...(place > 0 && { marginTop: "1rem" }),
        ...(choice.width !== null && { maxWidth: choice.width }),
      };
      return Object.keys(said).length > 0 ? { style: { display: "block", ...said } } : {};
    };
    const found = names.map((name, place) => ({ name, attributes: { ...wanted, ...styled(place) } }));
    expect(await react(page!)).toEqual(found);
  });
});

it("takes a lesson's recordings by the pieces' names", () => {
  const choice: Choice = { ...PLAIN, piece: "lesson", source: "recording", recording: "r/", dialect: "element" };
  const [, ...elements] = tags(only(choice)[0]!);
  expect(elements.map(({ attributes }) => attributes.recording)).toEqual(
    ["bank", "belt", "matrix"].map((name) => `https://belt.example/lab/r/${name}.sbr`),
  );
});

it("writes the low form as HTML and JSX have it", async () => {
  const low: Choice = { ...PLAIN, dialect: "element", compact: true };
  expect(only(low)[0]).toContain("<sushi-belt compact></sushi-belt>");
  const [, page] = only({ ...low, dialect: "docusaurus", form: "element" });
  expect(await react(page!)).toEqual([{ name: "sushi-belt", attributes: { compact: "" } }]);
});

it("says of every tool where its code goes", () => {
  for (const dialect of DIALECTS) {
    for (const form of TAKES_BOTH.includes(dialect) ? (["frame", "element"] as const) : (["frame"] as const)) {
      for (const { where } of snippet({ ...PLAIN, dialect, form }, SERVICE)) expect(where.length).toBeGreaterThan(8);
    }
  }
});

it("says whether it is live", () => {
  expect(title(PLAIN)).toBe(`${TITLES.belt}, training live`);
  expect(title({ ...PLAIN, recording: "a.sbr" })).toBe(`${TITLES.belt}, training live`);
  expect(title({ ...PLAIN, source: "recording", recording: "a.sbr" })).toBe(`${TITLES.belt}, recorded`);
});
