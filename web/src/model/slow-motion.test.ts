import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api.js";
import { BEAT, SlowMotion, type SlowRun } from "./slow-motion.js";

const PARTS = ["views", "follow", "encode", "compare", "gradient", "enqueue"];
const NUMBERS = [0, 1, 2, 3, 4, 5];

/** A run that does what the service does with these commands. */
class Run {
  state = "running";
  step = 7;
  taken: number | null = null;
  asked: string[] = [];
  refuse = false;
  get run() {
    return { state: this.state } as SlowRun["run"];
  }
  scalar(name: string) {
    return name === "phase" ? this.taken : null;
  }
  async command(name: string) {
    if (this.refuse) throw new ApiError("the run has not begun yet", 409, "not_begun");
    this.asked.push(name);
    if (name === "phase") {
      this.taken = this.taken === null || this.taken === 5 ? 0 : NUMBERS[this.taken + 1]!;
      if (this.taken === 5) this.step += 1;
    } else {
      if (name === "step" || (this.taken !== null && this.taken < 5 && name === "resume")) this.step += 1;
      this.taken = null;
    }
    this.state = name === "resume" ? "running" : "paused";
  }
}

let run: Run;
let still: boolean;
const open = () => new SlowMotion(run as SlowRun, PARTS, () => still);

beforeEach(() => {
  vi.useFakeTimers();
  run = new Run();
  still = false;
});
afterEach(() => vi.useRealTimers());

describe("slow motion leaves the run as it was", () => {
  it("running: it runs on, from the middle of a step too", async () => {
    const motion = open();
    await motion.begin();
    expect(run.state).toBe("paused");
    await motion.leave();
    expect(run.state).toBe("running");
    expect(run.asked).toEqual(["phase", "resume"]);
  });

  it("paused: it stands between two whole steps, and shows one", async () => {
    run.state = "paused";
    const motion = open();
    await motion.begin();
    await motion.next();
    expect(motion.midStep).toBe(true);
    await motion.leave();
    expect([run.state, run.taken, run.step]).toEqual(["paused", null, 8]);
  });

  it("paused, after the last part: no further step is taken", async () => {
    run.state = "paused";
    const motion = open();
    await motion.begin();
    for (let i = 1; i < PARTS.length; i++) await motion.next();
    await motion.leave();
    expect([run.state, run.taken, run.step]).toEqual(["paused", null, 8]);
  });

  it("after playing at speed it leaves the run alone", async () => {
    run.state = "paused";
    const motion = open();
    await motion.begin();
    await motion.toSpeed();
    const before = run.asked.length;
    await motion.leave();
    expect(run.state).toBe("running");
    expect(run.asked).toHaveLength(before);
  });
});

describe("parts by themselves", () => {
  it("one a beat, until held", async () => {
    const motion = open();
    await motion.begin();
    await vi.advanceTimersByTimeAsync(2 * BEAT);
    expect(run.asked).toHaveLength(3);
    motion.hold();
    await vi.advanceTimersByTimeAsync(5 * BEAT);
    expect(run.asked).toHaveLength(3);
    expect(motion.playing).toBe(false);
  });

  it("reduced motion never plays by itself", async () => {
    still = true;
    const motion = open();
    await motion.begin();
    expect(motion.playing).toBe(false);
    motion.play();
    await vi.advanceTimersByTimeAsync(10 * BEAT);
    expect(run.asked).toEqual(["phase"]);
    await motion.next();
    expect(run.asked).toEqual(["phase", "phase"]);
  });

  it("stops when the reader asks for stillness, or somebody else lets the run go", async () => {
    const motion = open();
    await motion.begin();
    still = true;
    await vi.advanceTimersByTimeAsync(3 * BEAT);
    expect(run.asked).toHaveLength(1);
    still = false;
    motion.play();
    await vi.advanceTimersByTimeAsync(0);
    run.state = "running";
    await vi.advanceTimersByTimeAsync(3 * BEAT);
    expect(run.asked).toHaveLength(2);
  });

  it("a refusal is said and holds", async () => {
    run.refuse = true;
    const motion = open();
    await motion.begin();
    await vi.advanceTimersByTimeAsync(3 * BEAT);
    expect(motion.refusal).toBe("the run has not begun yet");
    expect(motion.playing).toBe(false);
  });
});
