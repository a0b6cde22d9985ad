/**
 * One recording on its way to the page and then in it: downloading, playing, or not to be had.
 * Dispatches 'change' when any of it changed.
 */

import { calm } from "../motion.js";
import { RecordingPlayer } from "../wire/player.js";
import { fetchRecording, type Recording, RecordingError } from "../wire/recording.js";
import type { MakeWire } from "../wire/wire.js";
import { Atlas } from "./atlas.js";
import { type Mark, marksOf } from "./marks.js";
import { RunView, type RunViewOptions } from "./run-view.js";

export type PartState = "waiting" | "loading" | "ready" | "missing" | "broken";

const nothingYet: MakeWire = (handlers) => ({
  open: () => handlers.status("recorded", null),
  close: () => {},
  setVisible: () => {},
  send: () => {},
});

export class RecordedPart extends EventTarget {
  state: PartState = "waiting";
  /** Bytes so far and of all, the latter null where the host does not say. */
  received = 0;
  total: number | null = null;
  /** Why it is broken. */
  problem = "";
  recording: Recording | null = null;
  player: RecordingPlayer | null = null;
  /** Before the recording is here, of a run of which nothing is known but that it is over. */
  view = new RunView("", { sections: [], rate: 0 }, null, nothingYet);
  atlas: Atlas | null = null;
  marks: readonly Mark[] = [];
  private stop = new AbortController();

  /** `judge` may refuse what came, by a RecordingError, and says how it is to be shown. */
  constructor(
    readonly url: URL | null,
    private readonly judge: (recording: Recording) => RunViewOptions,
    /** Whether it waits to be told to play. */
    private readonly still: () => boolean = calm,
  ) {
    super();
    if (!url) this.state = "missing";
    this.view.connect();
  }

  /** Download it and show its first moment; it plays by itself unless less motion is asked for. */
  async load(): Promise<void> {
    if (!this.url || this.state === "loading" || this.state === "ready") return;
    const again = this.state === "broken";
    this.state = "loading";
    this.received = 0;
    this.stop = new AbortController();
    this.changed();
    try {
      const heard = (received: number, total: number | null) => {
        [this.received, this.total] = [received, total];
        this.changed();
      };
      const recording = await fetchRecording(this.url, this.stop.signal, heard, again);
      this.show(recording, this.judge(recording));
      this.state = "ready";
    } catch (error) {
      if (this.stop.signal.aborted) this.state = "waiting";
      else if (error instanceof RecordingError) {
        this.state = error.missing ? "missing" : "broken";
        this.problem = error.message;
      } else throw error;
    }
    this.changed();
  }

  /** Give up what is under way. */
  close(): void {
    this.stop.abort();
    this.view.disconnect();
  }

  private show(recording: Recording, options: RunViewOptions): void {
    this.marks = marksOf(recording);
    this.recording = recording;
    this.view.disconnect();
    this.view = new RunView(recording.run.id, options, null, (handlers) => {
      this.player = new RecordingPlayer(recording, handlers, !this.still());
      return this.player;
    });
    const set = recording.catalog.images.find(({ name }) => name === recording.run.config.images);
    this.atlas = set ? new Atlas(set, (page) => recording.sheet(page)) : null;
    // As a live run: it goes on once a figure says that it is on screen.
    this.view.setVisible(false);
    this.view.connect();
  }

  private changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}
