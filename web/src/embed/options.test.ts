import { describe, expect, it } from "vitest";
import { embedOptions, pieceAttributes } from "./options.js";

const SERVICE = new URL("https://belt.example/lab/");
const read = (path: string) => embedOptions(new URL(path, SERVICE), SERVICE);

describe("what an address asks for", () => {
  it.each([
    ["embed/belt", "belt"],
    ["embed/lesson?theme=dark", "lesson"],
    ["embed/meter.html", "meter"],
    ["embed/index.html?piece=matrix", "matrix"],
    ["embed/kitchen", null],
    ["embed/toString", null],
  ])("%s is the piece %s", (path, name) => {
    expect(read(path).name).toBe(name);
  });

  it("takes what it knows and leaves the rest", () => {
    const { theme, calm, hide, run } = read("embed/belt?theme=pink&motion=fast&hide=words,%20foot&run=r1");
    expect({ theme, calm, hide, run }).toEqual({ theme: "auto", calm: false, hide: "words foot", run: "r1" });
  });

  it("takes the token of a private run from the fragment, and from nowhere else", () => {
    const options = read("embed/belt?run=r1&token=sbe_query#token=sbe_fragment");
    expect(options.token).toBe("sbe_fragment");
    expect(pieceAttributes("belt", options)).toEqual({ compact: "", run: "r1", token: "sbe_fragment" });
    expect([read("embed/belt?token=sbe_query").token, read("embed/belt#token=").token]).toEqual([null, null]);
  });

  it("finds a recording beside the service, not beside the page of pieces", () => {
    const options = read("embed/belt?recording=recordings/a.sbr");
    expect(pieceAttributes("belt", options).recording).toBe("https://belt.example/lab/recordings/a.sbr");
  });

  it("finds a lesson's recordings in a folder, by the piece's name", () => {
    const options = read("embed/lesson?recording=recordings/");
    expect(pieceAttributes("bank", options).recording).toBe("https://belt.example/lab/recordings/bank.sbr");
  });

  it("plays what a static site keeps, and asks no service for a run", () => {
    const page = new URL("embed/belt.html?run=r1", SERVICE);
    const options = embedOptions(page, SERVICE, "recordings/belt.sbr");
    expect(pieceAttributes("belt", options)).toEqual({
      compact: "",
      recording: "https://belt.example/lab/recordings/belt.sbr",
    });
  });

  it("is live from the service that a static site's address names, and plays what is kept meanwhile", () => {
    const page = new URL("embed/belt.html?src=https://live.example&run=r1#token=sbe_x", SERVICE);
    expect(pieceAttributes("belt", embedOptions(page, SERVICE, "recordings/belt.sbr"))).toEqual({
      compact: "",
      src: "https://live.example",
      run: "r1",
      token: "sbe_x",
      recording: "https://belt.example/lab/recordings/belt.sbr",
    });
  });

  it("is live from no other service than its own on a page of one", () => {
    expect(pieceAttributes("belt", read("embed/belt?src=https://live.example"))).toEqual({ compact: "" });
  });

  it("says nothing that was not asked for", () => {
    expect(pieceAttributes("belt", read("embed/belt"))).toEqual({ compact: "" });
  });
});
