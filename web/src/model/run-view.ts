/**
 * A run as a page watches it: the newest tick, the dictionary, the recent past, and a hand on the knobs.
 *
 * Dispatches 'tick' (a newer moment), 'event' (a RunEvent as detail) and 'status' (status, run or viewers
 * changed). Elements use `RunController`, which turns these into at most one render an animation frame.
 */

import {
  ApiError,
  addressAt,
  type CommandName,
  getLastEvaluation,
  getRun,
  type Knobs,
  type KnobValue,
  liveUrl,
  patchKnobs,
  type Run,
  type Service,
  sendCommand,
} from "../api.js";
import type { Tick } from "../wire/frames.js";
import type { RunEvent, ServerMessage } from "../wire/messages.js";
import { LiveSocket } from "../wire/socket.js";
import type { MakeWire, Wire, WireStatus } from "../wire/wire.js";
import { DictionaryModel } from "./dictionary.js";
import { History } from "./history.js";
import type { Evaluation } from "./scores.js";

export type RunStatus = "connecting" | "live" | "paused" | "asleep" | "stale" | "offline" | "failed" | "recording";

/** What stands where a recorded run's controls would be. */
export const FIXED = "A recording: its knobs are as they were when it was made.";

export interface RunViewOptions {
  sections: readonly string[];
  /** Ticks a second wanted. */
  rate: number;
  /** 'bank' for a memory bank; a queue otherwise. */
  dictionary?: "queue" | "bank";
  /** Where the run is; the page's own service if left out. */
  service?: Service;
  /** Why the run may only be watched from this page, where that is so. */
  watchOnly?: string | null;
}

/** What can be said of a run that this page has not begun to watch. */
function unwatched(run: Run): RunStatus {
  if (run.state === "failed") return "failed";
  return run.state === "running" || run.state === "queued" ? "asleep" : "paused";
}

/** Milliseconds without a tick after which a running run is called stale. */
const STALE_AFTER = 3_000;

export class RunView extends EventTarget {
  run: Run | null = null;
  tick: Tick | null = null;
  readonly dictionary: DictionaryModel;
  readonly history = new History();
  status: RunStatus = "connecting";
  /** Why it is offline or failed, in the service's words. */
  detail: string | null = null;
  /** The permission to see it is over for good. */
  shutOut = false;
  lastEvent: RunEvent | null = null;
  /** The last evaluation since the run began. */
  evaluation: Evaluation | null = null;
  /** performance.now() of the newest tick; 0 before the first. */
  tickAt = 0;
  viewers = 0;
  /** A recorded moment stands here until the reader asks for the live run: see `OpeningView`. */
  readonly opening: boolean = false;

  private readonly wire: Wire;
  private link: WireStatus = "closed";
  /** Newest position on this connection: an older tick that comes late is passed over. */
  private heard = { epoch: -1, offset: -1 };
  private visible = true;
  protected readonly lookers = new Set<object>([this]);
  private askedSnapshotAt = 0;
  private watchdog: ReturnType<typeof setInterval> | undefined;
  private sections: readonly string[];
  /** One entry for each that asked for a section more: two may ask for the same. */
  private readonly included = new Set<{ section: string }>();
  private liveSince = 0;

  constructor(
    readonly runId: string,
    private readonly options: RunViewOptions,
    /** What is known of the run before the first message. */
    run: Run | null = null,
    makeWire: MakeWire = (handlers) => new LiveSocket(handlers),
  ) {
    super();
    this.run = run;
    this.sections = options.sections;
    this.dictionary = new DictionaryModel(options.dictionary ?? "queue");
    this.wire = makeWire({
      url: (since) => this.url(since),
      ticket: options.service?.ticket,
      message: (message) => this.hear(message),
      tick: (tick) => this.take(tick),
      status: (status, detail, ended) => {
        this.shutOut = ended ?? false;
        this.linkChanged(status, detail);
      },
    });
  }

  connect(): void {
    this.wire.open();
    this.watchdog ??= setInterval(() => {
      this.settle();
      if (this.status === "stale") this.emit("status"); // its badge counts the seconds
    }, 1_000);
  }

  disconnect(): void {
    clearInterval(this.watchdog);
    this.watchdog = undefined;
    this.wire.close();
  }

  /**
   * Tell the service whether somebody looks: an unwatched run may sleep and leave the device to others.
   * Several elements may show one run: it is seen while any of them (`who`) is.
   */
  setVisible(seen: boolean, who: object = this): void {
    if (seen) this.lookers.add(who);
    else this.lookers.delete(who);
    const visible = this.lookers.size > 0;
    if (this.visible === visible) return;
    this.visible = visible;
    this.settle();
    this.wire.send({ kind: "watch", visible });
    this.wire.setVisible(visible);
    if (visible) this.liveSince = performance.now();
  }

  /** Ask for other sections from now on; what is included beside them stays. */
  watch(sections: readonly string[]): void {
    this.sections = sections;
    this.wire.send({ kind: "watch", sections: this.wanted });
  }

  /** Ask for one section more (such as "map" while a panel is open), until the returned function is called. */
  include(section: string): () => void {
    const mine = { section };
    const change = (alter: () => void): void => {
      const before = this.wanted.length;
      alter();
      if (this.wanted.length !== before) this.wire.send({ kind: "watch", sections: this.wanted });
    };
    change(() => this.included.add(mine));
    return () => change(() => this.included.delete(mine));
  }

  /** Sections asked for, each once. */
  private get wanted(): string[] {
    return [...new Set([...this.sections, ...[...this.included].map(({ section }) => section)])];
  }

  /** True for a run that is over and only shown again: there is nothing to change or to ask for. */
  get recorded(): boolean {
    return this.link === "recorded";
  }

  /** Somebody looks: a run that is not looked at owes nobody a tick. */
  get seen(): boolean {
    return this.visible;
  }

  /** The service answers for this run. */
  get linked(): boolean {
    return this.link === "open";
  }

  /** The service's run, shown or not; null before it is known. */
  get real(): RunView | null {
    return this;
  }

  /** The run that trains now, where there is another one to begin with; `patience` in milliseconds. Rejects with an ApiError. */
  live(_patience = 0): Promise<RunView> {
    return Promise.resolve(this);
  }

  /** Play or pause a recording. */
  toggle(): void {
    this.wire.send({ kind: "toggle" });
  }

  /** Change knobs. Resolves with the step from which they hold; rejects with an ApiError. */
  async setKnobs(knobs: Knobs): Promise<number> {
    this.mustBeFree();
    const answer = await patchKnobs(this.runId, knobs, this.options.service);
    this.mergeKnobs(answer.knobs);
    return answer.step;
  }

  async command(name: CommandName, args: Readonly<Record<string, number>> = {}): Promise<void> {
    this.mustBeFree();
    const { accepted: _, ...run } = await sendCommand(this.runId, name, args, this.options.service);
    this.setRun(run);
  }

  /** Why nothing of the run can be changed from here; null where it can. */
  get fixed(): string | null {
    return this.recorded ? FIXED : (this.options.watchOnly ?? null);
  }

  /** Address of a path that the service gave, such as one of `run.links`. */
  address(path: string): string {
    return addressAt(path, this.options.service).href;
  }

  private mustBeFree(): void {
    if (this.fixed) throw new ApiError(this.fixed, 0, this.recorded ? "recording" : "watch_only");
  }

  /** A knob as the run has it now, or undefined before the run is known. */
  knob(name: string): KnobValue | undefined {
    return this.run?.knobs[name];
  }

  scalar(name: string): number | null {
    return this.tick?.scalars[name] ?? null;
  }

  private url(since: string | null): string {
    const query = new URLSearchParams({ sections: this.wanted.join(","), rate: String(this.options.rate) });
    if (since) query.set("since", since);
    return liveUrl(this.runId, query, this.options.service);
  }

  private hear(message: ServerMessage): void {
    switch (message.kind) {
      case "hello":
        if (message.epoch !== this.heard.epoch) void this.recallEvaluation(message.epoch, message.run.first_epoch);
        // A new connection may begin anywhere, even before what was seen: the service restored an older state.
        this.heard = { epoch: message.epoch, offset: -1 };
        this.viewers = message.run.viewers;
        this.liveSince = performance.now();
        this.setRun(message.run);
        if (!this.visible) this.wire.send({ kind: "watch", visible: false });
        break;
      case "moment":
        // What follows may be older than what was shown last.
        this.heard = { epoch: message.epoch, offset: -1 };
        this.tick = null;
        this.dictionary.clear();
        this.history.clear();
        for (const [step, scalars] of message.past) this.history.add(step, scalars);
        this.evaluation = message.evaluation;
        this.setRun(message.run);
        break;
      case "event":
        this.takeEvent(message.event);
        break;
      case "gap":
        void this.refresh();
        break;
      case "viewers":
        this.viewers = message.count;
        this.emit("status");
        break;
      case "error":
        console.warn(`live wire: ${message.detail}`);
        break;
      case "closed":
      case "bye":
        this.detail = message.detail;
        break;
      case "pong":
        break;
    }
  }

  private take(tick: Tick): void {
    const before = this.tick?.header;
    if (this.heard.epoch === tick.header.epoch && tick.header.offset < this.heard.offset) return;
    this.heard = { epoch: tick.header.epoch, offset: tick.header.offset };
    if (before && before.epoch !== tick.header.epoch && tick.header.step < before.step) {
      this.dictionary.clear();
    }
    this.tick = tick;
    this.tickAt = performance.now();
    this.history.add(tick.header.step, tick.scalars);
    if (this.dictionary.apply(tick) === "gap") this.askSnapshot();
    if (this.run && tick.header.step !== this.run.step) this.run = { ...this.run, step: tick.header.step };
    this.settle();
    this.emit("tick");
  }

  /** At most one request in two seconds: ticks already under way still carry the gap. */
  private askSnapshot(): void {
    const now = performance.now();
    if (this.askedSnapshotAt && now - this.askedSnapshotAt < 2_000) return;
    this.askedSnapshotAt = now;
    this.wire.send({ kind: "snapshot" });
  }

  private takeEvent(event: RunEvent): void {
    this.lastEvent = event;
    if (this.run) {
      if (event.type === "state" && typeof event.state === "string") {
        const reason = typeof event.reason === "string" ? event.reason : null;
        this.run = { ...this.run, state: event.state as Run["state"], reason };
      }
      if (event.type === "sleep" || event.type === "wake") {
        this.run = { ...this.run, asleep: event.type === "sleep" };
      }
      if (event.type === "knobs" && typeof event.knobs === "object" && event.knobs !== null) {
        this.mergeKnobs(event.knobs as Knobs);
      }
      if (event.type === "evaluation") this.evaluation = event;
      if (event.type === "reset") {
        this.evaluation = null;
        this.dictionary.clear();
        this.history.clear();
        this.run = { ...this.run, step: 0 };
      }
    }
    this.liveSince = performance.now();
    this.settle();
    this.dispatchEvent(new CustomEvent<RunEvent>("event", { detail: event }));
    this.emit("status");
  }

  private mergeKnobs(knobs: Knobs): void {
    if (!this.run) return;
    this.setRun({ ...this.run, knobs: { ...this.run.knobs, ...knobs }, config: { ...this.run.config, ...knobs } });
  }

  private setRun(run: Run): void {
    this.run = run;
    this.settle();
    this.emit("status");
  }

  /** What was measured before this page was opened, since the run began at step 0. */
  private async recallEvaluation(epoch: number, first: number): Promise<void> {
    this.evaluation = null;
    try {
      const last = await getLastEvaluation(this.runId, this.options.service);
      if (!last || last.epoch < first || this.heard.epoch !== epoch || this.evaluation) return;
      this.evaluation = last.event;
      this.emit("status");
    } catch {
      // It is shown when it is measured again.
    }
  }

  private async refresh(): Promise<void> {
    try {
      this.setRun(await getRun(this.runId, this.options.service));
    } catch {
      // The socket says by itself whether the service is there.
    }
  }

  private linkChanged(status: WireStatus, detail: string | null): void {
    this.link = status;
    if (detail) this.detail = detail;
    if (status === "open") this.detail = null;
    this.settle();
  }

  private settle(): void {
    const next = this.judge();
    if (next === this.status) return;
    this.status = next;
    this.emit("status");
  }

  private judge(): RunStatus {
    if (this.link === "recorded") return "recording";
    if (this.link === "gone") return "failed";
    if (this.link === "closed" && !this.visible && this.run) return unwatched(this.run);
    if (this.link !== "open") return this.link === "waiting" || this.tickAt > 0 ? "offline" : "connecting";
    const run = this.run;
    if (!run) return "connecting";
    if (run.state === "failed") return "failed";
    if (run.state === "paused" || run.state === "finished" || run.state === "stopped") return "paused";
    if (run.asleep) return "asleep";
    // Nothing can be late before the first tick: the run is being prepared, and its badge says so.
    if (this.tickAt === 0) return "connecting";
    const since = Math.max(this.tickAt, this.liveSince);
    if (this.visible && performance.now() - since > STALE_AFTER) return "stale";
    return "live";
  }

  private emit(name: "tick" | "status"): void {
    this.dispatchEvent(new CustomEvent(name));
  }
}
