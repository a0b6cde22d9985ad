import { describe, expect, it } from "vitest";
import { type Choice, PLAIN } from "./choice.js";
import { framers, hints, isLoopback, isPrivate } from "./hints.js";

const PUBLIC = new URL("https://belt.example/");
const said = (choice: Partial<Choice>, service = PUBLIC, sites: readonly string[] | null = ["*"]) =>
  hints({ ...PLAIN, ...choice }, service, sites);

it.each([
  ["http://127.0.0.1:8000/", true, true],
  ["http://localhost:8000/", true, true],
  ["http://belt.localhost/", true, true],
  ["http://[::1]:8000/", true, true],
  ["http://192.168.1.20:8000/", true, false],
  ["http://10.1.2.3/", true, false],
  ["http://172.16.0.1/", true, false],
  ["http://172.32.0.1/", false, false],
  ["http://169.254.1.1/", true, false],
  ["http://[fd00::1]/", true, false],
  ["http://[fe80::1]/", true, false],
  ["http://[2606:4700::1]/", false, false],
  ["http://lab-box:8000/", true, false],
  ["http://belt.local/", true, false],
  ["http://8.8.8.8/", false, false],
  ["https://belt.example/", false, false],
])("%s is private: %s, this machine: %s", (address, local, loopback) => {
  expect([isPrivate(new URL(address)), isLoopback(new URL(address))]).toEqual([local, loopback]);
});

it.each([
  ["default-src 'self'; frame-ancestors 'self'", []],
  [
    "default-src 'self'; frame-ancestors 'self' https://a.example https://b.example:8443",
    ["https://a.example", "https://b.example:8443"],
  ],
  ["frame-ancestors *", ["*"]],
  ["default-src 'self'", null],
  [null, null],
])("reads who may frame it off the policy %s", (policy, sites) => {
  expect(framers(policy)).toEqual(sites);
});

describe("hints", () => {
  it("are none where all is well", () => {
    expect(said({})).toEqual([]);
  });

  it.each([
    [{ recording: "https://other.example/a.sbr" }, true, "plays no recording of another host"],
    [{ recording: "https://other.example/a.sbr", dialect: "element" as const }, false, "CORS"],
    [{ folder: "https://course.example/demo" }, false, "the folder’s own page"],
    [{ folder: "demo" }, true, "must be whole"],
  ])("say what is on another host: %o", (choice, grave, words) => {
    expect(said(choice).filter(({ text }) => text.includes(words))).toEqual([expect.objectContaining({ grave })]);
  });

  it.each([{ recording: "api/v1/runs/lesson-belt/recording" }, { recording: "https://belt.example/a.sbr" }])(
    "say nothing of another host where there is none: %o",
    (choice) => {
      expect(said(choice)).toEqual([]);
    },
  );

  it("name the setting where no other site may show it", () => {
    const [hint] = said({}, PUBLIC, []);
    expect(hint).toMatchObject({ grave: true, code: "SUSHIBELT_EMBED_ORIGINS=https://your-site.example" });
  });

  it("keep the sites that are allowed already", () => {
    const [hint] = said({}, PUBLIC, ["https://a.example"]);
    expect(hint).toMatchObject({
      grave: false,
      code: "SUSHIBELT_EMBED_ORIGINS=https://a.example,https://your-site.example",
    });
    expect(said({}, PUBLIC, null)).toHaveLength(1);
  });

  it("tell who cannot see a private address, and what Chrome asks", () => {
    const [own] = said({}, new URL("http://127.0.0.1:8000/"));
    expect(own!.text).toContain("own machine");
    expect(own!.text).toContain('allow="local-network-access"');
    const [lab, plain] = said({ dialect: "element" }, new URL("http://192.168.1.20:8000/"));
    expect(lab!.text).toContain("private network");
    expect(lab!.text).not.toContain("allow=");
    expect(plain!.text).toContain("HTTPS");
  });

  it.each([
    [{ source: "run" }, "No run"],
    [{ source: "recording" }, "No recording"],
    [{ piece: "lesson", recording: "a.sbr" }, "folder"],
    [{ width: 200 }, "320 pixels"],
    [{ height: 300 }, "480 pixels"],
    [{ dialect: "moodle" }, "students"],
    [{ dialect: "canvas" }, "Canvas"],
    [{ dialect: "jupyter" }, "three fifths"],
    [{ dialect: "jupyter", form: "element" }, "take the frame"],
    [{ dialect: "element" }, "only watch"],
  ] as [Partial<Choice>, string][])("of %o say %s", (choice, words) => {
    const found = said(choice);
    expect(found).toHaveLength(1);
    expect(found[0]!.text).toContain(words);
  });

  it("ask no height of what has its own", () => {
    expect(said({ piece: "meter", height: 240 })).toEqual([]);
    expect(said({ dialect: "quarto", form: "element", height: 200 })).toHaveLength(1);
  });
});
