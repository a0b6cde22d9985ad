/**
 * Slow motion over a run: takes a step in its parts, one by one or by a beat, and leaves the run as it found it.
 *
 * Dispatches 'change' when anything that it says of itself has changed.
 */

import { ApiError } from "../api.js";
import type { RunView } from "./run-view.js";
import { partTaken } from "./step-parts.js";

/** Milliseconds that a part stays on screen when the parts go by themselves. */
export const BEAT = 1_200;

/** What slow motion needs of a run. */
export type SlowRun = Pick<RunView, "run" | "command" | "scalar">;

export class SlowMotion extends EventTarget {
  /** The parts go by themselves. */
  playing = false;
  /** A part is being taken. */
  busy = false;
  /** What the service said when it refused. */
  refusal: string | null = null;
  /** A part was taken here since slow motion began. */
  begun = false;

  private wasRunning = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `parts` in the order of the method; `still` says whether the reader wants no motion. */
  constructor(
    private readonly run: SlowRun,
    private readonly parts: readonly string[],
    private readonly still: () => boolean,
  ) {
    super();
    this.wasRunning = this.running;
  }

  get running(): boolean {
    const state = this.run.run?.state;
    return state === "running" || state === "queued";
  }

  /** Some parts of the step are taken and others are not. */
  get midStep(): boolean {
    const part = partTaken(this.run as RunView);
    return part !== null && part !== this.parts[this.parts.length - 1];
  }

  /** Take the first part, and go on by itself unless the reader wants no motion. */
  async begin(): Promise<void> {
    this.wasRunning = this.running;
    this.playing = !this.still();
    await this.next();
  }

  /** Take the next part; the run stands still after it. */
  async next(): Promise<void> {
    if (this.busy) return;
    clearTimeout(this.timer);
    this.busy = true;
    this.refusal = null;
    this.tell();
    try {
      await this.run.command("phase");
      this.begun = true;
    } catch (error) {
      this.playing = false;
      this.refusal = error instanceof ApiError ? error.message : String(error);
    }
    this.busy = false;
    if (this.playing) this.timer = setTimeout(() => void this.beat(), BEAT);
    this.tell();
  }

  /** Let the parts go by themselves. Nobody who wants no motion gets any. */
  play(): void {
    if (this.playing || this.still()) return;
    this.playing = true;
    void this.next();
  }

  /** Stand still at this part. */
  hold(): void {
    clearTimeout(this.timer);
    if (!this.playing) return;
    this.playing = false;
    this.tell();
  }

  /** Back to speed: the step is finished and training goes on, also when it stood still before. */
  async toSpeed(): Promise<void> {
    this.hold();
    await this.attempt(() => this.run.command("resume"));
  }

  /** Back to what was before: running, or standing still between two whole steps. */
  async leave(): Promise<void> {
    this.hold();
    if (!this.begun || this.running) return;
    if (this.wasRunning) await this.attempt(() => this.run.command("resume"));
    else if (this.midStep) await this.attempt(() => this.run.command("step", { steps: 1 }));
    // A run that stands still says its whole step once more: the figure's light goes out.
    else await this.attempt(() => this.run.command("pause"));
  }

  /** Slow motion again, after speed. */
  async again(): Promise<void> {
    this.refusal = null;
    await this.begin();
  }

  private async beat(): Promise<void> {
    // Somebody else let the run go, or the reader asked for stillness meanwhile.
    if (this.running || this.still()) this.hold();
    else if (this.playing) await this.next();
  }

  private async attempt(action: () => Promise<void>): Promise<void> {
    this.refusal = null;
    try {
      await action();
      this.begun = false;
    } catch (error) {
      this.refusal = error instanceof ApiError ? error.message : String(error);
    }
    this.tell();
  }

  private tell(): void {
    this.dispatchEvent(new Event("change"));
  }
}
