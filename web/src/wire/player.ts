/**
 * Plays a recording through the interface of the live socket, so that what shows a run need not know which it is.
 *
 * A jump says the run as it was then ('moment'), shows the newest snapshot before it, and applies the changes after
 * that. While paused, unseen or held there is no timer. Dispatches 'change' when the time or the state of playing moved.
 */

import type { RunState } from "../api.js";
import type { Evaluation } from "../model/scores.js";
import { FrameError, type Scalars } from "./frames.js";
import type { ClientMessage } from "./messages.js";
import { knobsAt } from "./recorded-knobs.js";
import { EVENT, type Recording, RecordingError } from "./recording.js";
import type { Wire, WireHandlers } from "./wire.js";

export const SPEEDS = [0.5, 1, 2, 4, 8] as const;

/** Milliseconds between looks at the clock while playing. */
const BEAT = 250;
/** Milliseconds that the last moment stands before a loop begins again. */
const HOLD = 1_500;
/** More records than this are not played one by one if a snapshot lies among them. */
const PATIENCE = 12;
/** Ticks before a jump whose scalars are told: as many as a history keeps. */
const PAST = 2_048;

export class RecordingPlayer extends EventTarget implements Wire {
  loop = true;
  readonly duration: number;

  private speedNow = 1;
  private cursor = -1;
  /** Second of the playing when the clock was last set, and the clock then. */
  private time = 0;
  private since = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private opened = false;
  private visible = true;
  private held = false;

  constructor(
    readonly recording: Recording,
    private readonly handlers: WireHandlers,
    /** Whether it goes on by itself once it is seen. */
    public playing: boolean,
  ) {
    super();
    this.duration = recording.duration;
  }

  /** Second of the playing now. */
  get now(): number {
    if (!this.running) return this.time;
    return Math.min(this.duration, this.time + this.elapsed);
  }

  get speed(): number {
    return this.speedNow;
  }

  set speed(speed: number) {
    this.setClock(this.now);
    this.speedNow = speed;
    this.changed();
  }

  /** The first moment is shown at once, whether or not it plays. */
  open(): void {
    this.opened = true;
    this.handlers.status("recorded", null);
    this.jump(0);
    this.changed();
  }

  close(): void {
    this.alter(() => {
      this.opened = false;
    });
    this.handlers.status("closed", null);
  }

  setVisible(visible: boolean): void {
    this.alter(() => {
      this.visible = visible;
    });
  }

  send(message: ClientMessage): void {
    if (message.kind === "toggle") this.toggle();
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  /** From the start again if it stands at its end. */
  play(): void {
    if (this.now >= this.duration) this.jump(0);
    this.alter(() => {
      this.playing = true;
    });
  }

  pause(): void {
    this.alter(() => {
      this.playing = false;
    });
  }

  /** Stand still while a hand is on the scrubber, and go on after it as before. */
  hold(held: boolean): void {
    this.alter(() => {
      this.held = held;
    });
  }

  seek(seconds: number): void {
    this.moveTo(Math.min(this.duration, Math.max(0, seconds)));
    this.changed();
  }

  private get running(): boolean {
    return this.opened && this.playing && this.visible && !this.held && this.duration > 0;
  }

  /** Seconds of the playing since the clock was set. */
  private get elapsed(): number {
    return ((performance.now() - this.since) / 1000) * this.speedNow;
  }

  private setClock(seconds: number): void {
    this.time = seconds;
    this.since = performance.now();
  }

  private alter(change: () => void): void {
    const { now } = this;
    change();
    this.setClock(now);
    this.changed();
  }

  private changed(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.running) {
      const next = this.recording.at[this.cursor + 1];
      const due = next === undefined ? BEAT : ((next - this.now) / this.speedNow) * 1000;
      this.timer = setTimeout(() => this.beat(), Math.min(BEAT, Math.max(0, due)));
    }
    this.dispatchEvent(new Event("change"));
  }

  private beat(): void {
    const over = ((this.time + this.elapsed - this.duration) / this.speedNow) * 1000;
    if (over < 0) this.showUntil(this.recording.recordAt(this.now));
    else if (!this.loop) {
      this.showUntil(this.recording.count - 1);
      this.pause();
      return;
    } else if (over < HOLD) this.showUntil(this.recording.count - 1);
    else this.jump(0);
    this.changed();
  }

  /** On the way forward only what is new is applied, unless a snapshot makes that way shorter. */
  private showUntil(record: number): void {
    const { recording } = this;
    const base = recording.snapshotBefore(record);
    if (record < this.cursor || (base > this.cursor && record - this.cursor > PATIENCE)) {
      this.jumpTo(record);
      return;
    }
    while (this.cursor < record) {
      this.cursor += 1;
      this.deliver(this.cursor);
    }
  }

  private moveTo(seconds: number): void {
    this.setClock(seconds);
    this.showUntil(this.recording.recordAt(seconds));
  }

  private jump(seconds: number): void {
    this.setClock(seconds);
    this.jumpTo(this.recording.recordAt(seconds));
  }

  private jumpTo(record: number): void {
    const { recording, handlers } = this;
    const base = recording.snapshotBefore(record);
    const epoch = recording.epoch[base]!;
    const knobs = knobsAt(recording, base, record);
    handlers.message({
      kind: "moment",
      epoch,
      run: { ...recording.run, ...this.stateAt(record), knobs, config: { ...recording.run.config, ...knobs } },
      evaluation: this.evaluationAt(record),
      past: this.past(base),
    });
    for (let passed = base; passed <= record; passed += 1) {
      if (recording.kind[passed] !== EVENT) this.deliver(passed);
    }
    this.cursor = Math.max(base, record);
  }

  /** One record that cannot be read costs itself, as on the live wire. */
  private deliver(record: number): void {
    const { recording, handlers } = this;
    try {
      if (recording.kind[record] === EVENT) handlers.message(recording.event(record));
      else handlers.tick(recording.tick(record));
    } catch (error) {
      if (!(error instanceof FrameError || error instanceof RecordingError)) throw error;
      console.warn(`recording: record ${record}: ${error.message}`);
    }
  }

  private stateAt(record: number) {
    const said = this.lastEvent(record, ["state"])?.event;
    const state = typeof said?.state === "string" ? (said.state as RunState) : "running";
    return { state, reason: typeof said?.reason === "string" ? said.reason : null, asleep: false };
  }

  private evaluationAt(record: number): Evaluation | null {
    const event = this.lastEvent(record, ["evaluation", "reset"])?.event;
    return event?.type === "evaluation" ? event : null;
  }

  private lastEvent(record: number, types: readonly string[]) {
    const { recording } = this;
    for (let at = record; at >= recording.first; at -= 1) {
      if (recording.kind[at] !== EVENT) continue;
      const event = recording.event(at);
      if (types.includes(event.event.type)) return event;
    }
    return null;
  }

  private past(base: number): [number, Scalars][] {
    const { recording } = this;
    const past: [number, Scalars][] = [];
    for (let at = base - 1; at >= recording.first && past.length < PAST; at -= 1) {
      if (recording.kind[at] !== EVENT) past.push([recording.step[at]!, recording.scalars(at)]);
    }
    return past.reverse();
  }
}
