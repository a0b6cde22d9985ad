import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api.js";
import { encodeFrame } from "./frames.fixture.js";
import { FakeSocket } from "./socket.fixture.js";
import { backoff, LiveSocket } from "./socket.js";
import type { WireStatus } from "./wire.js";

function open(ticket?: () => Promise<string>) {
  const statuses: WireStatus[] = [];
  const steps: number[] = [];
  const offsets: number[] = [];
  const socket = new LiveSocket({
    url: (since) => `ws://x?since=${since}`,
    ticket,
    message: (message) => message.kind === "event" && offsets.push(message.offset),
    tick: (tick) => steps.push(tick.header.step),
    status: (status) => statuses.push(status),
  });
  socket.open();
  return { socket, statuses, steps, offsets };
}

const newest = () => FakeSocket.all[FakeSocket.all.length - 1]!;
const hello = { kind: "hello", epoch: 1, offset: 0, previous: "1:1", run: {}, sections: [], rate: 20 };

const event = (offset: number, previous: string | null) => ({ kind: "event", epoch: 1, offset, previous, event: {} });

beforeEach(() => {
  FakeSocket.all = [];
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the live socket", () => {
  it("never gives up while somebody looks", () => {
    const { statuses } = open();
    for (let i = 0; i < 30; i += 1) {
      newest().drop();
      vi.advanceTimersByTime(10_000);
    }
    expect(FakeSocket.all.length).toBe(31);
    expect(statuses).not.toContain("gone");
  });

  it("shows a private run's ticket with each try, and not in the address", async () => {
    let number = 0;
    const { socket, statuses } = open(() => Promise.resolve(`sbt_${++number}`));
    // Asked twice before the answer: one socket all the same.
    socket.setVisible(false);
    socket.setVisible(true);
    await vi.advanceTimersByTimeAsync(0);
    newest().drop();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeSocket.all.map(({ protocols }) => protocols)).toEqual([
      ["sushibelt", "bearer.sbt_2"],
      ["sushibelt", "bearer.sbt_3"],
    ]);
    expect(FakeSocket.all.some(({ url }) => url.includes("sbt"))).toBe(false);
    newest().drop(4401);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([FakeSocket.all.length, statuses.at(-1)]).toEqual([2, "gone"]);
  });

  it("tries again where no ticket could be asked for, and not where none is given", async () => {
    const answers = [
      new ApiError("nobody answers", 0, "offline"),
      new ApiError("too many questions", 429, "too_often"),
      new ApiError("a fault", 500, "internal"),
      new ApiError("ended", 401, "embed_ended"),
    ];
    const { statuses } = open(() => Promise.reject(answers.shift()));
    await vi.advanceTimersByTimeAsync(0);
    expect(statuses.at(-1)).toBe("waiting");
    await vi.advanceTimersByTimeAsync(10_000);
    expect([statuses.filter((status) => status === "waiting").length, statuses.at(-1)]).toEqual([3, "gone"]);
    expect(FakeSocket.all.length).toBe(0);
  });

  it("that was closed meanwhile opens for no ticket", async () => {
    const { socket } = open(() => Promise.resolve("sbt_1"));
    socket.close();
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeSocket.all).toEqual([]);
  });

  it("stays shut while nobody looks and opens at once on return", () => {
    const { socket } = open();
    socket.setVisible(false);
    newest().drop();
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.all.length).toBe(1);
    socket.setVisible(true);
    expect(FakeSocket.all.length).toBe(2);
  });

  it("asks for all events after the last that it heard, whatever ticks came since", () => {
    const { steps } = open();
    newest().say(hello);
    newest().say(event(4, "1:1"));
    newest().onmessage?.({ data: encodeFrame({ step: 5, epoch: 1, offset: 17 }) });
    newest().drop();
    vi.advanceTimersByTime(1_000);
    expect(steps).toEqual([5]);
    expect(newest().url).toContain("since=1:4");
  });

  it("notices a missing event and asks for it at once", () => {
    const { offsets } = open();
    const first = newest();
    first.say(hello);
    first.say(event(4, "1:1"));
    first.say(event(9, "1:7"));
    expect(offsets).toEqual([4]);
    expect(FakeSocket.all.length).toBe(2);
    expect(newest().url).toContain("since=1:4");
    first.say(event(12, "1:9")); // the old socket is heard no more
    newest().say({ ...hello, previous: "1:9" });
    newest().say(event(7, "1:4"));
    newest().say(event(9, "1:7"));
    expect(offsets).toEqual([4, 7, 9]);
    expect(FakeSocket.all.length).toBe(2);
  });

  it("takes what comes after a gap, and does not ask for ever for what is not to be had", () => {
    const { offsets } = open();
    newest().say(hello);
    newest().say({ kind: "gap", epoch: 1, offset: 30, from: "1:1", detail: "" });
    newest().say(event(31, "1:30"));
    newest().say(event(40, "1:35"));
    newest().say(hello);
    newest().say(event(40, "1:35"));
    newest().say(event(41, "1:40"));
    expect(offsets).toEqual([31, 40, 41]);
    expect(FakeSocket.all.length).toBe(2);
  });

  it("waits as long as a bye says", () => {
    open();
    newest().say({ kind: "bye", code: "restart", detail: "", retry_after: 5 });
    newest().drop();
    vi.advanceTimersByTime(4_500);
    expect(FakeSocket.all.length).toBe(1);
    vi.advanceTimersByTime(600);
    expect(FakeSocket.all.length).toBe(2);
  });

  it.each([4403, 4404])("does not ask again after a final refusal (%i)", (code) => {
    const { statuses } = open();
    newest().drop(code);
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.all.length).toBe(1);
    expect(statuses.at(-1)).toBe("gone");
  });

  it("outlives messages it cannot read", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const { steps } = open();
    newest().onmessage?.({ data: "not json" });
    newest().onmessage?.({ data: new ArrayBuffer(3) });
    newest().onmessage?.({ data: encodeFrame({ step: 6 }) });
    expect(steps).toEqual([6]);
    expect(warn).toHaveBeenCalledTimes(2);
  });
});

describe("waits between tries", () => {
  it("double up to ten seconds and are spread", () => {
    expect(backoff(0, () => 1)).toBe(400);
    expect(backoff(0, () => 0)).toBe(200);
    expect(backoff(3, () => 1)).toBe(3_200);
    expect(backoff(50, () => 1)).toBe(10_000);
  });
});
