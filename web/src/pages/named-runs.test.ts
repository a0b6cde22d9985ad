import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { addressOf } from "../elements/own-copy.js";
import { findRun, namedRuns } from "./named-runs.js";

function service(runs: Record<string, { method: string }>): void {
  vi.stubGlobal(
    "fetch",
    vi.fn(async (address: URL) => {
      const id = address.pathname.split("/").at(-1)!;
      const run = runs[id];
      return run
        ? Response.json({ id, ...run })
        : Response.json({ detail: "there is no such run", code: "not_found" }, { status: 404 });
    }),
  );
}

beforeEach(() => vi.stubGlobal("document", { baseURI: "http://service/" }));
afterEach(() => vi.unstubAllGlobals());

test("the address names runs by lesson, and nothing else counts", () => {
  expect(namedRuns(new URLSearchParams("belt=r1&matrix=&bank=%20&other=r2"))).toEqual({ belt: "r1" });
});

test("a named run is shown, and without a name the lesson's own", async () => {
  service({ plain: { method: "moco" }, mine: { method: "moco" } });
  expect(await findRun("belt", "mine", "plain")).toMatchObject({ run: { id: "mine" }, notice: "" });
  expect(await findRun("belt", undefined, "plain")).toMatchObject({ run: { id: "plain" }, notice: "" });
});

test("a run of another method or none at all leaves the lesson's own, and says why", async () => {
  service({ plain: { method: "moco" }, other: { method: "simclr" } });
  const other = await findRun("belt", "other", "plain");
  expect(other.run.id).toBe("plain");
  expect(other.notice).toContain("other is of another method, not moco");
  const gone = await findRun("belt", "gone", "plain");
  expect(gone.run.id).toBe("plain");
  expect(gone.notice).toContain("no run gone");
});

test("a service that does not answer is no reason to show another run", async () => {
  vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("offline")));
  await expect(findRun("belt", "mine", "plain")).rejects.toMatchObject({ code: "offline" });
});

test("an address keeps what else it says", () => {
  const here = "https://host/demo/?present&live=&compare=momentum&bank=r9#bank";
  expect(addressOf("belt", "r1", here)).toBe("https://host/demo/?present=&bank=r9&belt=r1#belt");
  expect(addressOf("bank", null, here)).toBe("https://host/demo/?present=&live=#bank");
});
