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
  | { kind: "event"; epoch: number; offset: number; event: RunEvent }
  | { kind: "gap"; epoch: number; offset: number; from: number; detail: string }
  | { kind: "viewers"; count: number }
  | { kind: "error"; code: string; detail: string }
  | { kind: "bye"; code: string; detail: string; retry_after: number | null }
  | { kind: "pong" };

export type ClientMessage =
  | { kind: "watch"; sections?: readonly string[]; rate?: number; visible?: boolean }
  | { kind: "snapshot" }
  /** To a recording: play or pause. */
  | { kind: "toggle" }
  | { kind: "ping" };
