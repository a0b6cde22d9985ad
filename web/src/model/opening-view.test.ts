import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Run } from "../api.js";
import { encodeFrame, encodeRecording, type FrameParts } from "../wire/frames.fixture.js";
import { Recording } from "../wire/recording.js";
import { OpeningView, SOON } from "./opening-view.js";
import { RunView } from "./run-view.js";

class FakeSocket {
  static all: FakeSocket[] = [];
  static readonly OPEN = 1;
  readyState = 1;
  closed = false;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }
  send() {}
  close() {
    this.closed = true;
  }
}

const run = { id: "live", method: "moco", state: "running", asleep: false, reason: null, step: 7, viewers: 1 };
const live = { ...run, knobs: { momentum: 0.99 }, config: { momentum: 0.99 } } as unknown as Run;
const recorded = {
  ...run,
  id: "r123",
  state: "finished",
  reason: "over",
  links: { recording: "/api/v1/runs/r123/recording" },
  knobs: { momentum: 0.5 },
  config: { momentum: 0.5 },
};

const queue = (step: number, more: FrameParts["scalars"] = {}): FrameParts => ({
  step,
  snapshot: true,
  scalars: { dict_written: step * 4, dict_fill: 16, dict_size: 16, ...more },
  sections: {
    "dict.image": { data: new Uint32Array(16) },
    "dict.step": { data: new Uint32Array(16).fill(step) },
  },
});
/** Scalars of steps 10, 20, ... and then the moment, of step 200. */
const file = () =>
  new Recording(
    encodeRecording(
      [
        ...Array.from({ length: 19 }, (_, i) => ({
          time: i,
          tick: { step: 10 * (i + 1), snapshot: true, scalars: { consistency: 0.9 } },
        })),
        { time: 19, tick: queue(200, { consistency: 0.31, momentum: 0.5 }) },
      ],
      { run: recorded },
    ),
  );

const socket = () => FakeSocket.all[FakeSocket.all.length - 1]!;
const say = (message: object) => socket().onmessage?.({ data: JSON.stringify(message) });
const hello = (change: Partial<Run> = {}) =>
  say({ kind: "hello", epoch: 1, offset: 0, previous: null, sections: [], rate: 20, run: { ...live, ...change } });
const tick = (parts: FrameParts) => socket().onmessage?.({ data: encodeFrame(parts) });

let opening: OpeningView;
let behind: RunView;
let patched: unknown[];
let away: boolean;

beforeEach(() => {
  vi.useFakeTimers();
  vi.advanceTimersByTime(1_000);
  FakeSocket.all = [];
  patched = [];
  away = false;
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("document", { baseURI: "http://host/" });
  vi.stubGlobal("fetch", async (url: URL, init?: { method?: string; body?: string }) => {
    if (away) throw new TypeError("no route");
    if (init?.method === "PATCH" || init?.method === "POST") {
      const body = JSON.parse(init.body!);
      patched.push([url.pathname, body]);
      return Response.json(init.method === "PATCH" ? { run: "live", step: 8, knobs: body } : { ...live, accepted: "" });
    }
    return Response.json({ events: [] });
  });
  opening = new OpeningView(file(), { sections: ["dict"], rate: 20 });
  opening.setVisible(false);
  opening.connect();
  behind = new RunView("live", { sections: ["dict"], rate: 20 }, live);
  behind.setVisible(false);
});
afterEach(() => {
  opening.disconnect();
  behind.disconnect();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("an opening", () => {
  it("stands on the recording's last moment and says that it is one", () => {
    expect(opening.status).toBe("recording");
    expect(opening.tick?.header.step).toBe(200);
    expect(opening.scalar("consistency")).toBe(0.31);
    expect(opening.knob("momentum")).toBe(0.5);
    expect(opening.dictionary.ready).toBe(true);
    expect(opening.history.series("consistency").step).toHaveLength(20);
    vi.advanceTimersByTime(60_000);
    expect(opening.tick?.header.step).toBe(200);
    expect(opening.status).toBe("recording");
  });

  it("can be played and its knobs moved, but offers no download of a run that is elsewhere", () => {
    expect(opening.recorded).toBe(false);
    expect(opening.run?.state).toBe("stopped");
    expect(opening.run?.reason).toBe(null);
    expect(opening.run?.links).toEqual({});
  });

  it("opens no socket until the reader asks", () => {
    expect(opening.real).toBe(null);
    opening.offer(behind);
    expect(opening.real).toBe(behind);
    opening.setVisible(true, {});
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.all).toHaveLength(0);
    expect(opening.phase).toBe("shown");
  });

  it("stays until the live run has a moment of its own, then gives way to it", () => {
    const over = vi.fn();
    opening.addEventListener("over", over);
    opening.offer(behind);
    opening.ask();
    expect(FakeSocket.all).toHaveLength(1);
    hello();
    expect(opening.phase).toBe("asked");
    tick({ step: 8, snapshot: false });
    expect(over).not.toHaveBeenCalled();
    expect(opening.tick?.header.step).toBe(200);
    tick(queue(9));
    expect(over).toHaveBeenCalledOnce();
    expect(opening.phase).toBe("over");
    expect(behind.tick?.header.step).toBe(9);
  });

  it("leaves nothing of itself in the live run", () => {
    opening.offer(behind);
    opening.ask();
    hello();
    tick(queue(9));
    expect(behind.history.series("consistency").step).toHaveLength(1);
    expect(behind.scalar("consistency")).toBe(null);
    expect(behind.knob("momentum")).toBe(0.99);
    expect(behind.dictionary.step).toBe(9);
  });

  it("shows what a run that stands still has, also where that is no dictionary", () => {
    opening.offer(behind);
    opening.ask();
    hello({ state: "paused" });
    expect(opening.phase).toBe("asked");
    tick({ step: 0, snapshot: true });
    expect(opening.phase).toBe("over");
  });

  it("asked before the service is there, joins the live run as soon as it is", () => {
    opening.ask();
    expect(opening.excuse).toBe(null);
    vi.advanceTimersByTime(SOON);
    expect(opening.excuse).toBe("The service does not answer.");
    opening.offer(behind);
    hello();
    tick(queue(9));
    expect(opening.phase).toBe("over");
    expect(opening.excuse).toBe(null);
  });

  it("says that the service is away at once, and tries again when told to", () => {
    const retry = vi.fn();
    opening.addEventListener("retry", retry);
    opening.offer(behind);
    opening.ask();
    socket().onclose?.({ code: 1006, reason: "" });
    expect(opening.excuse).toBe("The service does not answer.");
    expect(opening.tick?.header.step).toBe(200);
    opening.retry();
    expect(retry).toHaveBeenCalledOnce();
    expect(FakeSocket.all).toHaveLength(2);
    hello();
    tick(queue(9));
    expect(opening.phase).toBe("over");
  });

  it("says why a run that is busy does not come", () => {
    opening.offer(behind);
    opening.ask();
    hello({ state: "queued", reason: "loading images" });
    expect(opening.excuse).toBe(null);
    vi.advanceTimersByTime(SOON);
    expect(opening.excuse).toBe("The live run is not ready: loading images.");
    expect(opening.status).toBe("recording");
  });

  it("moves a knob of the live run, not of the moment", async () => {
    opening.offer(behind);
    const moved = opening.setKnobs({ momentum: 0.9 });
    expect(opening.phase).toBe("asked");
    await vi.advanceTimersByTimeAsync(0);
    expect(patched).toEqual([["/api/v1/runs/live/knobs", { momentum: 0.9 }]]);
    expect(opening.knob("momentum")).toBe(0.5);
    hello({ knobs: { momentum: 0.9 } });
    tick(queue(9));
    expect(await moved).toBe(8);
    expect(behind.knob("momentum")).toBe(0.9);
  });

  it("gives the live run a command", async () => {
    opening.offer(behind);
    const stepped = opening.command("step", { steps: 1 });
    await vi.advanceTimersByTimeAsync(0);
    expect(patched).toEqual([["/api/v1/runs/live/commands", { command: "step", steps: 1 }]]);
    hello();
    tick(queue(9));
    await stepped;
    expect(opening.phase).toBe("over");
  });

  it("says so where there is nothing to move", async () => {
    await expect(opening.setKnobs({ momentum: 0.9 })).rejects.toThrow("The service does not answer");
    expect(patched).toEqual([]);
    opening.offer(behind);
    away = true;
    await expect(opening.command("resume")).rejects.toThrow("does not answer");
    expect(opening.tick?.header.step).toBe(200);
  });

  it("lets who waits for the live run go on with it, or says why not", async () => {
    opening.offer(behind);
    const waiting = opening.live();
    const refused = expect(waiting).rejects.toThrow("The live run is not ready: loading images.");
    hello({ state: "queued", reason: "loading images" });
    await vi.advanceTimersByTimeAsync(SOON);
    await refused;
    const again = opening.live();
    opening.retry();
    hello();
    tick(queue(9));
    expect(await opening.live()).toBe(behind);
    await again.catch(() => undefined);
    expect(await behind.live()).toBe(behind);
  });

  it("lets who has patience wait longer for a run that gets ready, but not for one that has failed", async () => {
    opening.offer(behind);
    const waiting = opening.live(20_000);
    hello({ state: "queued", reason: "loading images" });
    await vi.advanceTimersByTimeAsync(2 * SOON);
    tick(queue(9));
    expect(await waiting).toBe(behind);
    const other = new OpeningView(file(), { sections: [], rate: 1 });
    other.offer(new RunView("live", { sections: [], rate: 1 }, live));
    const refused = expect(other.live(20_000)).rejects.toThrow("The live run has failed: no memory.");
    hello({ state: "failed", reason: "no memory" });
    await vi.advanceTimersByTimeAsync(SOON);
    await refused;
  });

  it("is watched while the reader waits, and afterwards only where a figure is seen", () => {
    const figure = {};
    opening.offer(behind);
    opening.ask();
    opening.setVisible(true, figure);
    hello();
    tick(queue(9));
    behind.setVisible(false, figure);
    socket().onclose?.({ code: 1006, reason: "" });
    vi.advanceTimersByTime(60_000);
    // Nobody looks: a socket that breaks stays shut.
    expect(FakeSocket.all).toHaveLength(1);
    opening.setVisible(true, figure);
    expect(FakeSocket.all).toHaveLength(1);
  });
});
