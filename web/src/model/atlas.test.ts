import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ImageSetInfo } from "../api.js";
import { Atlas } from "./atlas.js";

class FakeBitmap {
  constructor(readonly from: Blob) {}
}

beforeEach(() => {
  vi.stubGlobal("ImageBitmap", FakeBitmap);
  vi.stubGlobal("createImageBitmap", async (from: Blob) => new FakeBitmap(from));
  vi.stubGlobal("fetch", () => {
    throw new Error("a recording asks nobody");
  });
});
afterEach(() => vi.unstubAllGlobals());

it("takes a recording's sheets out of it and fetches none that it lacks", async () => {
  const warn = vi.spyOn(console, "warn");
  const sheet = new Blob(["sheet"]);
  const asked: number[] = [];
  const set = { name: "sushi", atlas: "/atlas/{page}", atlas_columns: 2, thumb: 32 } as ImageSetInfo;
  const atlas = new Atlas(set, (page) => {
    asked.push(page);
    return page === 1 ? sheet : null;
  });
  const loaded = new Promise((resolve) => atlas.addEventListener("load", resolve));
  expect(atlas.sheet(0)).toBeNull();
  expect(atlas.sheet(5)).toBeNull();
  await loaded;
  expect((atlas.sheet(5) as unknown as FakeBitmap).from).toBe(sheet);
  expect(atlas.sheet(0)).toBeNull();
  expect(asked).toEqual([0, 1]);
  expect(warn).not.toHaveBeenCalled();
});
