import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RunView } from "../model/run-view.js";
import { encodeRecording, type RecordParts } from "./frames.fixture.js";
import { RecordingPlayer } from "./player.js";
import { Recording } from "./recording.js";

const measured = {
  "curve.age": { data: Uint32Array.of(0, 1) },
  "curve.consistency": { data: Float32Array.of(1, 0.5) },
  "curve.drift": { data: Float32Array.of(1, 0.5) },
  "curve.count": { data: Uint32Array.of(8, 8) },
};

/** Ten seconds of a queue of 16 that gets 4 keys a step, two steps a second; a snapshot every 4 steps. */
const tick = (step: number): RecordParts => {
  const snapshot = step % 4 === 1;
  const count = snapshot ? Math.min(16, step * 4) : 4;
  return {
    time: (step - 1) / 2,
    tick: {
      step,
      snapshot,
      scalars: {
        dict_written: step * 4,
        dict_fill: Math.min(16, step * 4),
        dict_size: 16,
        loss: step / 10,
        momentum: step < 11 ? 0.99 : 0.5,
      },
      sections: {
        "dict.image": { data: new Uint32Array(count) },
        "dict.step": { data: new Uint32Array(count).fill(step) },
        ...(step > 12 ? measured : {}),
      },
    },
  };
};
const event = (time: number, step: number, detail: { type: string; [detail: string]: unknown }): RecordParts => ({
  time,
  offset: step,
  event: { step, time: 0, ...detail },
});
const ticks = Array.from({ length: 21 }, (_, i) => tick(i + 1));
const records = [
  ...ticks.slice(0, 10),
  event(4.5, 10, { type: "knobs", knobs: { momentum: 0.5, jitter: false, blur_size: 3 } }),
  ...ticks.slice(10, 16),
  event(7.5, 16, { type: "evaluation", knn_backbone: 0.5 }),
  ...ticks.slice(16),
];
const run = {
  id: "r",
  method: "moco",
  state: "running",
  asleep: false,
  reason: null,
  step: 21,
  viewers: 1,
  knobs: { momentum: 0.5, jitter: false, blur_size: 3, temperature: 0.1 },
  config: { momentum: 0.5 },
};

let player: RecordingPlayer;
let view: RunView;
let seen: number[];

function open(playing = true, parts = records) {
  const recording = new Recording(encodeRecording(parts, { run }));
  view = new RunView("r", { sections: ["dict"], rate: 20 }, null, (handlers) => {
    player = new RecordingPlayer(recording, handlers, playing);
    return player;
  });
  seen = [];
  view.addEventListener("tick", () => seen.push(view.tick!.header.step));
  view.connect();
}
const step = () => view.tick?.header.step;
const seconds = (count: number) => vi.advanceTimersByTime(1000 * count);
/** Timers but the view's own look at the clock. */
const timers = () => vi.getTimerCount() - 1;

beforeEach(() => {
  vi.useFakeTimers();
  seconds(1);
  vi.stubGlobal("fetch", () => {
    throw new Error("a recording asks nobody");
  });
});
afterEach(() => {
  view.disconnect();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a recording played to a run's view", () => {
  it("shows its first moment before anything is played", () => {
    open(false);
    expect(step()).toBe(1);
    expect(view.status).toBe("recording");
    expect(view.recorded).toBe(true);
    seconds(60);
    expect(step()).toBe(1);
    expect(view.status).toBe("recording");
  });

  it("plays tick by tick, at the speed asked for", () => {
    open();
    seconds(2);
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    player.speed = 4;
    seconds(1);
    expect(step()).toBe(13);
    player.speed = 0.5;
    seconds(2);
    expect(step()).toBe(15);
    expect(player.now).toBeCloseTo(7);
  });

  it("stands at its end for a moment and begins again", () => {
    open();
    seconds(11);
    expect(step()).toBe(21);
    seconds(0.6);
    expect(step()).toBe(1);
    expect(view.dictionary.written).toBe(4);
    seconds(2);
    expect(step()).toBe(5);
  });

  it("ends where it ends without the loop, and plays again from the start", () => {
    open();
    player.loop = false;
    seconds(60);
    expect(step()).toBe(21);
    expect(player.playing).toBe(false);
    player.play();
    expect(step()).toBe(1);
    expect(player.playing).toBe(true);
  });

  it("seeks forward and back to the same moment as playing gives", () => {
    open(false);
    player.seek(8.2);
    expect(step()).toBe(17);
    player.seek(3.1);
    expect(step()).toBe(7);
    expect(view.dictionary).toMatchObject({ written: 28, fill: 16, ready: true });
    expect([...view.history.series("loss").step]).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect([...view.history.series("loss").value]).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]);
    player.seek(99);
    expect(step()).toBe(21);
    expect(view.history.length).toBe(21);
  });

  it("forgets what was measured later", () => {
    open(false);
    player.seek(8);
    expect(view.dictionary.curve?.age.length).toBe(2);
    player.seek(2);
    expect(view.dictionary.curve).toBeNull();
  });

  it("goes back across epochs", () => {
    const second = [1, 2].map((add): RecordParts => {
      const { tick: parts } = ticks[16 + add - 1] as { tick: object };
      return { time: 12 + add, tick: { ...parts, epoch: 2, offset: add, step: 16 + add, snapshot: add === 1 } };
    });
    open(false, [...records, ...second]);
    player.seek(player.duration);
    expect(view.tick!.header).toMatchObject({ epoch: 2, step: 18 });
    player.seek(4);
    expect(view.tick!.header).toMatchObject({ epoch: 1, step: 9 });
    expect(view.history.length).toBe(9);
  });

  it("has the knobs of the moment, and none that nothing tells", () => {
    open(false);
    expect(view.run!.knobs).toEqual({ momentum: 0.99, jitter: true, temperature: 0.1 });
    player.seek(6);
    expect(view.run!.knobs).toEqual({ momentum: 0.5, jitter: false, blur_size: 3, temperature: 0.1 });
    expect(view.run!.config.momentum).toBe(0.5);
    player.seek(1);
    expect(view.knob("momentum")).toBe(0.99);
    player.play();
    seconds(4);
    expect(view.knob("momentum")).toBe(0.5);
  });

  it("has the evaluation of the moment", () => {
    open(false);
    expect(view.evaluation).toBeNull();
    player.seek(9);
    expect(view.evaluation).toMatchObject({ knn_backbone: 0.5 });
    player.seek(2);
    expect(view.evaluation).toBeNull();
  });

  it("changes nothing and asks nobody", async () => {
    open(false);
    await expect(view.setKnobs({ momentum: 0 })).rejects.toThrow("A recording");
    await expect(view.command("reset")).rejects.toThrow("A recording");
    expect(view.knob("momentum")).toBe(0.99);
  });

  it("plays and pauses from the view", () => {
    open(false);
    view.toggle();
    seconds(1);
    expect(step()).toBe(3);
    view.toggle();
    seconds(5);
    expect(step()).toBe(3);
  });
});

describe("while nothing is to be seen", () => {
  it("there is no timer: paused, unseen, held, closed", () => {
    open();
    expect(timers()).toBe(1);
    player.pause();
    expect(timers()).toBe(0);
    player.play();
    view.setVisible(false);
    expect(timers()).toBe(0);
    view.setVisible(true);
    expect(timers()).toBe(1);
    player.hold(true);
    expect(timers()).toBe(0);
    player.hold(false);
    expect(timers()).toBe(1);
    player.close();
    expect(timers()).toBe(0);
  });

  it("it stands still, and goes on from there", () => {
    open();
    seconds(2);
    view.setVisible(false);
    seconds(60);
    expect(player.now).toBeCloseTo(2);
    view.setVisible(true);
    seconds(1);
    expect(step()).toBe(7);
  });
});

it("passes over a record that cannot be read", () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const file = encodeRecording(records, { run });
  const bytes = new Uint8Array(file);
  const text = new TextDecoder("latin1").decode(bytes);
  let third = -1;
  for (let i = 0; i < 3; i += 1) third = text.indexOf("SBT1", third + 1);
  bytes[third] = 0;
  view = new RunView("r", { sections: [], rate: 1 }, null, (handlers) => {
    player = new RecordingPlayer(new Recording(file), handlers, true);
    return player;
  });
  view.connect();
  seconds(6);
  expect(step()).toBe(13);
  player.seek(2.6);
  expect(step()).toBe(6);
  expect(warn).toHaveBeenCalled();
});
