import { beforeEach, describe, expect, it, vi } from "vitest";
import { nextFrame } from "./next-frame.js";

describe("the next frame", () => {
  const asked: FrameRequestCallback[] = [];
  const pass = (now: number) => {
    for (const run of asked.splice(0)) run(now);
  };
  beforeEach(() => {
    pass(0);
    vi.stubGlobal("requestAnimationFrame", (run: FrameRequestCallback) => asked.push(run));
  });

  it("is asked for once and reaches all who wait, in their order", () => {
    const heard: unknown[] = [];
    nextFrame((now) => heard.push(["a", now]));
    nextFrame((now) => heard.push(["b", now]));
    expect(asked).toHaveLength(1);
    pass(16);
    expect(heard).toEqual([
      ["a", 16],
      ["b", 16],
    ]);
    pass(33);
    expect(heard).toHaveLength(2);
  });

  it("wanted while one is drawn is the one after it", () => {
    const heard: number[] = [];
    const again = (now: number) => {
      heard.push(now);
      if (heard.length < 3) nextFrame(again);
    };
    nextFrame(again);
    for (const now of [1, 2, 3, 4]) pass(now);
    expect(heard).toEqual([1, 2, 3]);
  });

  it("can be taken back, before it and while others draw in it", () => {
    const heard: string[] = [];
    const first = nextFrame(() => heard.push("first"));
    nextFrame(() => {
      heard.push("second");
      third();
    });
    const third = nextFrame(() => heard.push("third"));
    first();
    pass(1);
    expect(heard).toEqual(["second"]);
    // Nobody waits, so the next who does asks anew.
    nextFrame(() => heard.push("fourth"));
    expect(asked).toHaveLength(1);
    pass(2);
    expect(heard).toEqual(["second", "fourth"]);
  });

  it("is not lost to one that fails", () => {
    const heard: string[] = [];
    const reported = vi.fn();
    vi.stubGlobal("reportError", reported);
    nextFrame(() => {
      throw new Error("no canvas");
    });
    nextFrame(() => heard.push("drawn"));
    pass(1);
    expect(heard).toEqual(["drawn"]);
    expect(reported).toHaveBeenCalledOnce();
  });
});
