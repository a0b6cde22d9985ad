/** The text messages of the live wire, as the service sends them and as it takes them. */

import type { Run } from "../api.js";
import type { Evaluation } from "../model/scores.js";
import type { Scalars } from "./frames.js";

/** Something that must never be lost: a state change, a knob change, an error. */
export interface RunEvent {
  type: string;
  step: number;
  time: number;
  [detail: string]: unknown;
}

/** First message on a new socket. */
export interface Hello {
  kind: "hello";
  epoch: number;
  offset: number;
  /** "EPOCH:OFFSET" of the newest event so far. */
  previous: string | null;
  run: Run;
  sections: string[];
  rate: number;
}

/** A recording was opened or jumped: nothing heard before holds, and the next tick is a snapshot. */
export interface Moment {
  kind: "moment";
  epoch: number;
  /** The run as it was then. */
  run: Run;
  /** The last evaluation until then. */
  evaluation: Evaluation | null;
  /** Step and scalars of the ticks before, oldest first. */
  past: readonly (readonly [number, Scalars])[];
}

export type ServerMessage =
  | Hello
  | Moment
  /** `previous` is the position of the event before: whoever did not hear that one has missed some.
      A recording's events need neither it nor `run`. */
  | { kind: "event"; run?: string; epoch: number; offset: number; previous?: string | null; event: RunEvent }
  /** Events after `from`, up to and with epoch:offset, will not come. */
  | { kind: "gap"; run: string; epoch: number; offset: number; from: string; detail: string }
  | { kind: "viewers"; run: string; count: number }
  | { kind: "error"; run?: string; code: string; detail: string }
  /** On a socket of many runs: what would have closed a socket of this run's own. */
  | { kind: "closed"; run: string; code: number; detail: string }
  | { kind: "bye"; code: string; detail: string; retry_after: number | null }
  | { kind: "pong"; run?: string };

export type ClientMessage =
  | { kind: "watch"; sections?: readonly string[]; rate?: number; visible?: boolean }
  | { kind: "snapshot" }
  /** To a recording: play or pause. */
  | { kind: "toggle" }
  | { kind: "ping" };
