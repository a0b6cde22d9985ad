/** What a run is heard through, whether it goes on now or went on once: a live socket or a recording's player. */

import type { Tick } from "./frames.js";
import type { ClientMessage, ServerMessage } from "./messages.js";

/** 'recorded' is a recording: nothing that is heard can be changed any more. */
export type WireStatus = "closed" | "connecting" | "open" | "waiting" | "gone" | "recorded";

export interface WireHandlers {
  /** Address to open; `since` is the last position heard, "EPOCH:OFFSET", or null at first. */
  url(since: string | null): string;
  /** Of a private run: what opens it, to be shown with each socket. */
  ticket?: (() => Promise<string>) | undefined;
  message(message: ServerMessage): void;
  tick(tick: Tick): void;
  /** `ended` is true where it is over because a permission is. */
  status(status: WireStatus, detail: string | null, ended?: boolean): void;
}

export interface Wire {
  /** Stay open from now on. */
  open(): void;
  close(): void;
  /** Whether somebody looks: while nobody does, nothing need come. */
  setVisible(visible: boolean): void;
  send(message: ClientMessage): void;
}

export type MakeWire = (handlers: WireHandlers) => Wire;
