import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { encodeFrame } from "../wire/frames.fixture.js";
import { FakeSocket } from "../wire/socket.fixture.js";
import { ENDED, LiveRun, PATIENCE, STANDSTILL, WATCH_ONLY } from "./live-run.js";
import { SHOWN } from "./ticket.js";

const SERVICE = new URL("https://belt.example/lab/");
const RUN = { id: "r", method: "moco", state: "running", config: { images: "sushi" }, knobs: {}, viewers: 0, step: 3 };
const CATALOG = { images: [], lessons: { belt: "r" } };

const fetched = vi.fn<(url: URL) => Promise<Response>>();
const answer = (body: object, status = 200) => Promise.resolve(new Response(JSON.stringify(body), { status }));
const works = (url: URL) => answer(url.pathname.endsWith("catalog") ? CATALOG : RUN);

beforeEach(() => {
  vi.useFakeTimers();
  fetched.mockReset();
  vi.stubGlobal("fetch", fetched);
  vi.stubGlobal("self", { origin: "https://course.example" });
  // Opened only in the tests in which somebody looks.
  FakeSocket.all = [];
  vi.stubGlobal("WebSocket", FakeSocket);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function open(asked: string | null = null, token: string | null = null): { live: LiveRun; changes: boolean[] } {
  const live = new LiveRun(SERVICE, asked, "belt", new Map(), token);
  const changes: boolean[] = [];
  live.addEventListener("change", () => changes.push(live.away));
  return { live, changes };
}

const newest = () => FakeSocket.all[FakeSocket.all.length - 1]!;

/** Somebody looks, and the service answers. */
async function look(live: LiveRun, run: object = RUN): Promise<void> {
  live.view?.setVisible(true);
  await vi.advanceTimersByTimeAsync(0);
  newest().say({ kind: "hello", epoch: 1, offset: 0, previous: null, run, sections: [], rate: 20 });
}

describe("a run that pieces share", () => {
  it("is the service's run of the lesson where none is named, and only watched from another site", async () => {
    fetched.mockImplementation(works);
    const { live, changes } = open();
    await vi.advanceTimersByTimeAsync(0);
    expect(fetched.mock.calls.map(([url]) => url.href)).toEqual([
      "https://belt.example/lab/api/v1/catalog",
      "https://belt.example/lab/api/v1/runs/r",
    ]);
    expect([live.view?.runId, live.view?.fixed, changes]).toEqual(["r", WATCH_ONLY, [false]]);
    live.close();
  });

  it("may be changed from the service's own pages", async () => {
    vi.stubGlobal("self", { origin: SERVICE.origin });
    fetched.mockImplementation(works);
    const { live } = open("r");
    await vi.advanceTimersByTimeAsync(0);
    expect(live.view?.fixed).toBeNull();
    live.close();
  });

  it.each([
    ["nobody answers", () => Promise.reject(new TypeError("failed")), "does not answer, or does not let this site in"],
    ["the service has a fault", () => answer({ detail: "it is broken" }, 500), "it is broken"],
    ["there is no such run", () => answer({ detail: "there is no run r" }, 404), "there is no run"],
  ])("is away at once when %s, and comes back by itself", async (_, fails, said) => {
    fetched.mockImplementation(fails);
    const { live, changes } = open();
    await vi.advanceTimersByTimeAsync(0);
    expect([live.away, live.trouble]).toEqual([true, expect.stringContaining(said)]);
    fetched.mockImplementation(works);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([live.away, live.trouble, live.view?.runId]).toEqual([false, null, "r"]);
    expect(changes).toEqual([true, false]);
    live.close();
  });

  it("is away when nothing at all comes for a while, and there when it does come", async () => {
    let arrive = (_: Response): void => {};
    fetched.mockImplementationOnce(() => new Promise((resolve) => (arrive = resolve)));
    fetched.mockImplementation(works);
    const { live } = open();
    await vi.advanceTimersByTimeAsync(PATIENCE - 1);
    expect(live.away).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(live.away).toBe(true);
    arrive(await answer(CATALOG));
    await vi.advanceTimersByTimeAsync(0);
    expect([live.away, live.view?.runId]).toEqual([false, "r"]);
    live.close();
  });

  it("that is private is asked for with a ticket, and only watched from anywhere", async () => {
    vi.stubGlobal("self", { origin: SERVICE.origin });
    fetched.mockImplementation((url) =>
      url.pathname.endsWith("tickets") ? answer({ run: "r", ticket: "sbt_1", expires_in: 60 }, 201) : works(url),
    );
    const { live } = open("r", "sbe_x");
    await vi.waitFor(() => expect(live.view?.runId).toBe("r"));
    const calls = fetched.mock.calls as unknown as [URL, RequestInit][];
    expect(calls.map(([url, { method, headers }]) => [method, url.pathname, new Headers(headers).get("authorization")]))
      // Nothing is shown to the catalog: it would cost a question more from another site.
      .toEqual([
        ["GET", "/lab/api/v1/catalog", null],
        ["POST", "/lab/api/v1/tickets", null],
        ["GET", "/lab/api/v1/runs/r", "Bearer sbt_1"],
      ]);
    expect(calls.map(([url]) => url.href).join()).not.toContain("sbe_x");
    expect([live.view?.fixed, live.trouble]).toEqual([SHOWN, null]);
    live.close();
  });

  it("whose token has ended says so and asks no more", async () => {
    fetched.mockImplementation((url) =>
      url.pathname.endsWith("tickets") ? answer({ detail: "ended", code: "embed_ended" }, 401) : works(url),
    );
    const { live } = open("r", "sbe_x");
    await vi.waitFor(() => expect(live.trouble).toBe(ENDED));
    const before = fetched.mock.calls.length;
    await vi.advanceTimersByTimeAsync(600_000);
    expect([live.away, live.trouble, fetched.mock.calls.length]).toEqual([true, ENDED, before]);
    live.close();
  });

  it("whose permission ends while it is shown says so at once and asks for no other ticket", async () => {
    fetched.mockImplementation((url) =>
      url.pathname.endsWith("tickets") ? answer({ run: "r", ticket: "sbt_1", expires_in: 60 }, 201) : works(url),
    );
    const { live } = open("r", "sbe_x");
    await vi.waitFor(() => expect(live.view?.runId).toBe("r"));
    await look(live);
    const before = fetched.mock.calls.length;
    newest().drop(4401);
    expect([live.away, live.trouble]).toEqual([true, ENDED]);
    await vi.advanceTimersByTimeAsync(600_000);
    expect([fetched.mock.calls.length, FakeSocket.all.length]).toEqual([before, 1]);
    live.close();
  });

  it.each([
    ["queued", "waits for its turn"],
    ["running", "Nothing new"],
  ])("that is %s and does not move for ten seconds is stuck until it does", async (state, said) => {
    fetched.mockImplementation(works);
    const { live, changes } = open();
    await vi.advanceTimersByTimeAsync(0);
    await look(live, { ...RUN, state });
    await vi.advanceTimersByTimeAsync(STANDSTILL * 1_000 - 1);
    expect(live.stuck).toBeNull();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([live.stuck, live.away]).toEqual([expect.stringContaining(said), false]);
    live.view?.setVisible(false); // the piece shows its recording
    expect(live.view?.seen).toBe(true);
    newest().onmessage?.({ data: encodeFrame({ step: 4, offset: 5 }) });
    expect([live.stuck, live.view?.seen, changes.length]).toEqual([null, false, 3]);
    live.close();
  });

  it.each([
    ["that nobody looks at", RUN, false],
    ["that is paused", { ...RUN, state: "paused" }, true],
  ])("%s is not stuck, however long nothing comes", async (_, run, looks) => {
    fetched.mockImplementation(works);
    const { live } = open();
    await vi.advanceTimersByTimeAsync(0);
    await look(live, run);
    live.view?.setVisible(looks);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(live.stuck).toBeNull();
    live.close();
  });

  it("asks no more once it is closed", async () => {
    fetched.mockImplementation(() => Promise.reject(new TypeError("failed")));
    const { live } = open();
    await vi.advanceTimersByTimeAsync(0);
    live.close();
    const before = fetched.mock.calls.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(fetched.mock.calls.length).toBe(before);
  });
});
