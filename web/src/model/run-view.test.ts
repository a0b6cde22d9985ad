import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Run } from "../api.js";
import { encodeFrame, type FrameParts } from "../wire/frames.fixture.js";
import { RunView } from "./run-view.js";

class FakeSocket {
  static last: FakeSocket;
  static readonly OPEN = 1;
  readyState = 1;
  sent: { kind: string; visible?: boolean; sections?: string[] }[] = [];
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  constructor(readonly url: string) {
    FakeSocket.last = this;
  }
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {}
}

const run = {
  id: "r",
  state: "running",
  asleep: false,
  reason: null,
  step: 0,
  viewers: 1,
  knobs: { momentum: 0.99 },
  config: {},
};
const say = (message: object) => FakeSocket.last.onmessage?.({ data: JSON.stringify(message) });
const hello = (change: Partial<Run> = {}) =>
  say({ kind: "hello", epoch: 1, offset: 0, previous: null, sections: [], rate: 20, run: { ...run, ...change } });
let said = 0;
const event = (detail: object) => {
  const previous = said > 0 ? `1:${said}` : null;
  said += 1;
  say({ kind: "event", epoch: 1, offset: said, previous, event: { step: 1, time: 0, ...detail } });
};
const tick = (parts: FrameParts) => FakeSocket.last.onmessage?.({ data: encodeFrame(parts) });
const queue = (step: number, count: number, snapshot: boolean): FrameParts => ({
  step,
  snapshot,
  scalars: { dict_written: step * 4, dict_fill: Math.min(16, step * 4), dict_size: 16 },
  sections: {
    "dict.image": { data: new Uint32Array(count) },
    "dict.step": { data: new Uint32Array(count).fill(step) },
  },
});

let view: RunView;
let asked: string[];
let past: { epoch: number; event: { type: string; step: number; knn_backbone: number } }[];
const scored = (step: number, share: number) => ({ type: "evaluation", step, knn_backbone: share });

beforeEach(() => {
  vi.useFakeTimers();
  vi.advanceTimersByTime(1_000); // a page is never at time 0
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("document", { baseURI: "http://host/sub/" });
  vi.stubGlobal("fetch", async (url: URL) => {
    asked.push(url.href);
    return Response.json({ events: past });
  });
  asked = [];
  past = [];
  said = 0;
  view = new RunView("r", { sections: ["dict"], rate: 20 });
  view.connect();
});
afterEach(() => {
  view.disconnect();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a run as the page sees it", () => {
  it("asks beside the page, for its sections", () => {
    expect(FakeSocket.last.url).toBe("ws://host/sub/api/v1/runs/r/live?sections=dict&rate=20");
  });

  it("tells the truth about its state", () => {
    expect(view.status).toBe("connecting");
    hello();
    tick(queue(1, 4, true));
    expect(view.status).toBe("live");
    vi.advanceTimersByTime(4_500);
    expect(view.status).toBe("stale");
    tick(queue(2, 4, false));
    expect(view.status).toBe("live");
    event({ type: "state", state: "paused", previous: "running" });
    expect(view.status).toBe("paused");
    event({ type: "state", state: "running", previous: "paused" });
    event({ type: "sleep" });
    expect(view.status).toBe("asleep");
    event({ type: "wake" });
    event({ type: "state", state: "failed", reason: "the loss became NaN" });
    expect(view.status).toBe("failed");
    expect(view.run?.reason).toBe("the loss became NaN");
    FakeSocket.last.onclose?.({ code: 1006, reason: "" });
    expect(view.status).toBe("offline");
  });

  it("is not called late before its first tick, however long the service prepares it", () => {
    expect(view.linked).toBe(false);
    hello({ state: "queued", reason: "waiting for the worker" });
    vi.advanceTimersByTime(20_000);
    expect(view.status).toBe("connecting");
    expect(view.linked).toBe(true);
    tick(queue(1, 4, true));
    expect(view.status).toBe("live");
    vi.advanceTimersByTime(4_000);
    expect(view.status).toBe("stale");
  });

  it("takes knob changes from whoever made them", () => {
    hello();
    event({ type: "knobs", knobs: { momentum: 0.5 } });
    expect(view.knob("momentum")).toBe(0.5);
    expect(view.lastEvent?.type).toBe("knobs");
  });

  it("asks once for a snapshot when a change does not fit", () => {
    hello();
    tick(queue(1, 4, true));
    tick(queue(5, 4, false));
    tick(queue(6, 4, false));
    expect(FakeSocket.last.sent.filter(({ kind }) => kind === "snapshot")).toHaveLength(1);
    expect(view.dictionary.written).toBe(4);
    tick(queue(7, 16, true));
    expect(view.dictionary.written).toBe(28);
  });

  it("forgets the past when the run starts over", () => {
    hello();
    tick(queue(9, 16, true));
    tick({ ...queue(1, 4, true), epoch: 2 });
    expect(view.dictionary.written).toBe(4);
    expect([...view.history.series("dict_fill").step]).toEqual([1]);
  });

  it("passes over a tick that is older than what it shows", () => {
    hello();
    tick(queue(9, 16, true));
    tick(queue(8, 4, false));
    expect(view.tick?.header.step).toBe(9);
  });

  it("asks for one section more while somebody wants it, and keeps the others", () => {
    hello();
    const asked = () => FakeSocket.last.sent.map(({ sections }) => sections);
    const giveBack = view.include("map");
    const other = view.include("map");
    expect(asked()).toEqual([["dict", "map"]]);
    view.watch(["dict", "views"]);
    expect(asked()[1]).toEqual(["dict", "views", "map"]);
    giveBack();
    giveBack();
    expect(asked()).toHaveLength(2);
    other();
    expect(asked()[2]).toEqual(["dict", "views"]);
    view.include("views")();
    expect(asked()).toHaveLength(3);
  });

  it("asks for it also on a new connection", () => {
    hello();
    view.include("map");
    FakeSocket.last.onclose?.({ code: 1006, reason: "" });
    vi.advanceTimersByTime(1_000);
    expect(FakeSocket.last.url).toContain("sections=dict%2Cmap");
  });

  it("says whether somebody looks, also on a new connection", () => {
    hello();
    view.setVisible(false);
    expect(FakeSocket.last.sent).toEqual([{ kind: "watch", visible: false }]);
    hello();
    expect(FakeSocket.last.sent).toHaveLength(2);
    view.setVisible(true);
    expect(FakeSocket.last.sent[2]).toEqual({ kind: "watch", visible: true });
  });

  it("is seen while any of the elements that show it is", () => {
    hello();
    const [figure, card] = [{}, {}];
    view.setVisible(false);
    view.setVisible(true, figure);
    view.setVisible(true, card);
    view.setVisible(false, figure);
    expect(FakeSocket.last.sent.map(({ visible }) => visible)).toEqual([false, true]);
    view.setVisible(false, card);
    expect(FakeSocket.last.sent.map(({ visible }) => visible)).toEqual([false, true, false]);
  });

  it("keeps the last evaluation, never a better one, and forgets it when the run starts over", () => {
    hello();
    event(scored(40, 0.9));
    event(scored(80, 0.7));
    expect(view.evaluation).toMatchObject({ step: 80, knn_backbone: 0.7 });
    event({ type: "reset" });
    expect(view.evaluation).toBeNull();
    event(scored(3, 0.5));
    event({ type: "restart" }); // it goes on from a checkpoint: what was measured stays measured
    expect(view.evaluation).toMatchObject({ step: 3 });
  });

  it("recalls what was measured before the page was opened, since the run began only", async () => {
    past = [{ epoch: 1, event: scored(40, 0.9) }];
    hello();
    await vi.waitFor(() => expect(view.evaluation?.step).toBe(40));
    expect(asked).toEqual(["http://host/sub/api/v1/runs/r/events?type=evaluation&newest=true&limit=1"]);
    hello(); // the same epoch again: known
    expect(asked).toHaveLength(1);
    say({ kind: "hello", epoch: 2, offset: 0, sections: [], rate: 20, run });
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    await vi.waitFor(() => expect(view.evaluation?.step).toBe(40)); // it went on from a checkpoint
    say({ kind: "hello", epoch: 3, offset: 0, sections: [], rate: 20, run: { ...run, first_epoch: 3 } });
    expect(view.evaluation).toBeNull();
    await vi.waitFor(() => expect(asked).toHaveLength(3));
    await vi.advanceTimersByTimeAsync(10);
    expect(view.evaluation).toBeNull();
  });

  it("does not put an older evaluation over one that came meanwhile", async () => {
    past = [{ epoch: 1, event: scored(40, 0.9) }];
    hello();
    event(scored(80, 0.7));
    await vi.advanceTimersByTimeAsync(10);
    expect(view.evaluation?.step).toBe(80);
  });
});
