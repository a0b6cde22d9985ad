import { describe, expect, it } from "vitest";
import { embedOptions } from "../embed/options.js";
import { type Choice, DIALECTS, isElement, PARTS, PLAIN, partsOf, readChoice, writeChoice } from "./choice.js";
import { frameAddress } from "./snippet.js";

const SERVICE = new URL("https://belt.example/lab/");
const read = (query: string) => readChoice(new URLSearchParams(query));
const FULL: Choice = {
  piece: "bank",
  source: "run",
  run: 'r1 "a" & b=c',
  recording: "recordings/a&b.sbr",
  folder: "",
  theme: "dark",
  calm: true,
  width: 640,
  height: 300,
  hide: ["controls", "foot"],
  dialect: "quarto",
  form: "element",
  compact: true,
};

describe("a choice in an address", () => {
  it.each([
    ["nothing chosen", PLAIN],
    ["everything chosen", FULL],
    ["a recording alone", { ...PLAIN, source: "recording", recording: "a.sbr" }],
    ["a recording behind the lesson's run", { ...PLAIN, recording: "a.sbr" }],
    ["a folder", { ...PLAIN, folder: "https://course.example/demo" }],
    ["a meter as high as the others", { ...PLAIN, piece: "meter" }],
    ["the lesson", { ...PLAIN, piece: "lesson", recording: "recordings/", source: "recording" }],
    ...DIALECTS.map((dialect) => [dialect, { ...PLAIN, dialect }] as const),
  ] as [string, Choice][])("comes back as it was: %s", (_, choice) => {
    expect(read(writeChoice(choice))).toEqual(choice);
  });

  it("says only what is not so by itself", () => {
    expect(writeChoice(PLAIN)).toBe("piece=belt");
  });

  it.each([
    ["piece=kitchen&for=frontpage&theme=pink&motion=fast&form=cloud&width=wide&height=-3&hide=all", PLAIN],
    ["run=auto", PLAIN],
    ["piece=meter", { ...PLAIN, piece: "meter", height: 240 }],
    ["piece=lesson&run=r1", { ...PLAIN, piece: "lesson" }],
    ["height=0&width=99999", { ...PLAIN, height: 1, width: 4_000 }],
    ["hide=foot%20controls,kitchen", { ...PLAIN, hide: ["controls", "foot"] }],
    ["run=a%0Ab%00", { ...PLAIN, source: "run", run: "ab" }],
  ] as [string, Choice][])("leaves out what is wrong: %s", (query, choice) => {
    expect(read(query)).toEqual(choice);
  });

  it("keeps lists and folders readable", () => {
    expect(writeChoice({ ...PLAIN, hide: ["words", "foot"], recording: "recordings/a.sbr" })).toBe(
      "piece=belt&run=auto&recording=recordings/a.sbr&hide=words,foot",
    );
  });
});

describe("the frame's address", () => {
  it("is read by the frame as it was chosen", () => {
    const options = embedOptions(new URL(frameAddress(FULL, SERVICE)), SERVICE);
    expect({ ...options, recording: options.recording?.href }).toEqual({
      name: "bank",
      src: null,
      run: FULL.run,
      token: null,
      recording: "https://belt.example/lab/recordings/a&b.sbr",
      theme: "dark",
      calm: true,
      hide: "controls foot",
    });
  });

  it("is short where nothing was chosen", () => {
    expect(frameAddress(PLAIN, SERVICE)).toBe("https://belt.example/lab/embed/belt");
  });

  it("names the lesson's run where a recording only stands in for it", () => {
    expect(frameAddress({ ...PLAIN, recording: "a.sbr" }, SERVICE)).toMatch(/\?run=auto&recording=a\.sbr$/);
    expect(frameAddress({ ...PLAIN, recording: "a.sbr", source: "recording" }, SERVICE)).toMatch(/\?recording=a\.sbr$/);
  });

  it("is of the exported folder where one is named, live from the service and its run", () => {
    const folder = "https://course.example/demo";
    const read = (choice: Choice) =>
      embedOptions(new URL(frameAddress(choice, SERVICE)), new URL(`${folder}/`), "a.sbr");
    const { name, src, run, recording } = read({ ...PLAIN, source: "run", run: "r1", folder });
    expect([name, src, run, recording?.href]).toEqual(["belt", SERVICE.href, "r1", `${folder}/a.sbr`]);
    expect(read({ ...PLAIN, folder }).run).toBe("auto");
    expect(frameAddress({ ...PLAIN, folder }, SERVICE)).toBe(
      "https://course.example/demo/embed/belt.html?src=https://belt.example/lab/&run=auto",
    );
    expect(frameAddress({ ...PLAIN, folder: "demo" }, SERVICE)).toBe("https://belt.example/lab/embed/belt");
  });

  it("hides no part that the piece does not have", () => {
    expect(frameAddress({ ...PLAIN, piece: "meter", hide: [...PARTS] }, SERVICE)).toMatch(/\?hide=foot$/);
    expect(partsOf("matrix")).not.toContain("meter");
  });
});

it("takes an element only where the tool takes scripts", () => {
  const elements = DIALECTS.filter((dialect) => isElement({ ...PLAIN, dialect, form: "element" }));
  expect(elements).toEqual(["element", "quarto", "mkdocs", "docusaurus", "jupyter"]);
  expect(DIALECTS.filter((dialect) => isElement({ ...PLAIN, dialect }))).toEqual(["element"]);
});
