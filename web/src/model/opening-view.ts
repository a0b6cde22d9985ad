/**
 * A run as the untouched page shows it: one recorded moment that stands still, and behind it the live run, which is
 * neither watched nor trained until the reader asks. Pressing "Go live", moving a knob, play and step all ask.
 *
 * The two are separate views: nothing of the moment can be taken for a measurement of the live run. The moment stays
 * until the live run has shown one of its own; then this view dispatches 'over', and whoever shows it shows `behind`.
 * Before, it dispatches 'status' whenever what it says of the waiting has changed.
 */

import { ApiError, type CommandName, type Knobs } from "../api.js";
import { RecordingPlayer } from "../wire/player.js";
import type { Recording } from "../wire/recording.js";
import type { MakeWire } from "../wire/wire.js";
import { RunView, type RunViewOptions } from "./run-view.js";
import { until } from "./until.js";

/** Milliseconds of waiting for the live run that need no explanation. */
export const SOON = 4_000;

export type Phase = "shown" | "asked" | "over";

/** The recording's last moment, at once and for good. Whoever looks sees a run that could be played. */
const standing =
  (recording: Recording): MakeWire =>
  (handlers) => {
    const player = new RecordingPlayer(
      recording,
      {
        ...handlers,
        message: (message) =>
          handlers.message(
            message.kind === "moment"
              ? { ...message, run: { ...message.run, state: "stopped", reason: null, links: {} } }
              : message,
          ),
      },
      false,
    );
    return {
      open: () => {
        player.open();
        player.seek(player.duration);
      },
      close: () => player.close(),
      setVisible: () => undefined,
      send: () => undefined,
    };
  };

export class OpeningView extends RunView {
  override readonly opening = true;
  phase: Phase = "shown";
  /** The live run, once the service has named it. */
  behind: RunView | null = null;
  /** The live run has kept the reader waiting. */
  late = false;

  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(recording: Recording, options: RunViewOptions) {
    super("", options, null, standing(recording));
  }

  /** Its knobs can be moved: they are then the live run's. */
  override get recorded(): boolean {
    return false;
  }

  override get real(): RunView | null {
    return this.behind;
  }

  /** The live run, not connected yet. It is at once if the reader has asked already. */
  offer(live: RunView): void {
    this.behind = live;
    live.addEventListener("tick", this.moved);
    live.addEventListener("status", this.moved);
    if (this.phase === "asked") this.join();
    this.say();
  }

  /** The reader wants the live run. */
  ask(): void {
    if (this.phase !== "shown") return;
    this.phase = "asked";
    this.wait();
    this.join();
    this.say();
  }

  /** Knock at the live run again now; 'retry' says so to whoever looks for the service. */
  retry(): void {
    if (this.phase !== "asked") return;
    this.wait();
    this.behind?.disconnect();
    this.behind?.connect();
    this.dispatchEvent(new Event("retry"));
    this.say();
  }

  /** Why the live run has not come, in a sentence; null while nothing need be explained. */
  get excuse(): string | null {
    if (this.phase !== "asked") return null;
    const live = this.behind;
    if (live?.status === "failed")
      return `The live run has failed: ${live.run?.reason ?? live.detail ?? "no reason given"}.`;
    if (live?.status === "offline" || (this.late && !live?.linked)) return "The service does not answer.";
    if (!this.late) return null;
    return `The live run is not ready: ${live?.run?.reason ?? "it has shown no step yet"}.`;
  }

  /** The live run once it is here. Rejects with an ApiError where it does not come soon; it may come later. */
  override async live(patience = 0): Promise<RunView> {
    this.ask();
    await this.soon();
    // Late, but where the service answers it may only be getting ready.
    if (patience > 0) await until(this, "status", () => !this.gettingReady, patience);
    if (this.phase === "over" && this.behind) return this.behind;
    throw new ApiError(
      `${this.excuse ?? "The live run has not come."} This is still the recorded moment.`,
      0,
      "offline",
    );
  }

  /** Change the knobs of the live run, and show it. */
  override async setKnobs(knobs: Knobs): Promise<number> {
    const step = await this.reach().setKnobs(knobs);
    await this.soon();
    return step;
  }

  /** Give the live run a command, and show it. */
  override async command(name: CommandName, args: Readonly<Record<string, number>> = {}): Promise<void> {
    await this.reach().command(name, args);
    await this.soon();
  }

  override setVisible(seen: boolean, who: object = this): void {
    super.setVisible(seen, who);
    if (this.phase === "asked") this.behind?.setVisible(seen, who);
  }

  override disconnect(): void {
    clearTimeout(this.timer);
    if (this.phase === "asked") this.behind?.disconnect();
    super.disconnect();
  }

  private reach(): RunView {
    this.ask();
    if (this.behind) return this.behind;
    throw new ApiError("The service does not answer. This is the recorded moment.", 0, "offline");
  }

  private join(): void {
    const { behind } = this;
    if (!behind) return;
    for (const who of this.lookers) behind.setVisible(true, who);
    // Also where the figure itself is out of sight: somebody has asked.
    behind.setVisible(true, this);
    behind.connect();
  }

  private wait(): void {
    this.late = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.late = true;
      this.say();
    }, SOON);
  }

  private readonly moved = (): void => {
    if (this.phase !== "asked" || !this.behind) return;
    if (hasMoment(this.behind)) this.giveWay(this.behind);
    else this.say();
  };

  private giveWay(live: RunView): void {
    this.phase = "over";
    live.removeEventListener("tick", this.moved);
    live.removeEventListener("status", this.moved);
    live.setVisible(false, this);
    this.dispatchEvent(new Event("over"));
    this.say();
    this.disconnect();
  }

  /** Until the live run is here or is late. */
  private soon(): Promise<void> {
    return new Promise((resolve) => {
      const settled = () => {
        if (this.phase === "asked" && this.excuse === null) return;
        this.removeEventListener("status", settled);
        resolve();
      };
      this.addEventListener("status", settled);
      settled();
    });
  }

  private get gettingReady(): boolean {
    return this.phase === "asked" && !!this.behind?.linked && this.behind.status !== "failed";
  }

  private say(): void {
    this.dispatchEvent(new Event("status"));
  }
}

/** Whether a figure has something to draw. A run that stands still shows all that it has. */
function hasMoment({ tick, dictionary, linked, status }: RunView): boolean {
  if (!tick || !linked) return false;
  return dictionary.ready || tick.sections.has("matrix") || status === "paused";
}
