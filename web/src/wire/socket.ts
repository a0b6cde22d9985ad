/**
 * One run's socket: opens, hears, and comes back by itself.
 *
 * It never gives up while somebody looks. Waits between tries double up to 10 seconds and are spread by
 * jitter, so that forty browsers do not knock at the same moment when a service restarts. While nobody
 * looks it stays shut once it breaks. `since` brings back the events missed in between.
 */

import { decodeFrame, FrameError } from "./frames.js";
import type { ClientMessage, ServerMessage } from "./messages.js";
import type { Wire, WireHandlers } from "./wire.js";

const FIRST_WAIT = 400;
const LONGEST_WAIT = 10_000;
/** The service closed on purpose and asking again would not help: permission ended, origin refused, no such run. */
const FINAL_CODES = new Set([4401, 4403, 4404]);
const PERMISSION_ENDED = 4401;

/** Milliseconds before try `attempt` (0 first): between half and all of a doubling wait. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt);
  return wait * (0.5 + 0.5 * random());
}

export class LiveSocket implements Wire {
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private attempt = 0;
  private wanted = false;
  private visible = true;
  /** "EPOCH:OFFSET" of the last event heard: up to it nothing is missing. */
  private last: string | null = null;
  /** An event that did not fit on `last` even when asked for again: there is nothing better to be had. */
  private unfit: string | null = null;
  private retryAfter: number | null = null;
  private dials = 0;

  constructor(private readonly handlers: WireHandlers) {}

  /** Stay connected from now on; the first try waits until somebody looks. */
  open(): void {
    this.wanted = true;
    if (this.visible && !this.socket && this.timer === undefined) this.dial();
  }

  close(): void {
    this.wanted = false;
    clearTimeout(this.timer);
    this.timer = undefined;
    const socket = this.socket;
    this.socket = null;
    socket?.close(1000);
    this.handlers.status("closed", null);
  }

  /** While hidden a broken socket stays shut; on coming back it is opened at once. */
  setVisible(visible: boolean): void {
    if (this.visible === visible) return;
    this.visible = visible;
    if (visible && this.wanted && !this.socket) {
      clearTimeout(this.timer);
      this.timer = undefined;
      this.attempt = 0;
      this.dial();
    }
  }

  /** Send if open; a message to a shut socket is dropped, the next hello states the facts anew. */
  send(message: ClientMessage): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private dial(): void {
    this.handlers.status("connecting", null);
    const { ticket } = this.handlers;
    if (!ticket) {
      this.start([]);
      return;
    }
    this.dials += 1;
    const mine = this.dials;
    const current = () => this.wanted && this.dials === mine && !this.socket;
    ticket().then(
      // Not in the address, which logs on the way would keep.
      (pass) => current() && this.start(["sushibelt", `bearer.${pass}`]),
      ({ status, message }) => {
        if (!current()) return;
        // Too many asked at once, or the service has a fault: that passes.
        if (status === 401) this.end(message, true);
        else this.retry(message);
      },
    );
  }

  private end(detail: string, ended: boolean): void {
    this.wanted = false;
    this.handlers.status("gone", detail, ended);
  }

  private start(protocols: string[]): void {
    let socket: WebSocket;
    try {
      socket = new WebSocket(this.handlers.url(this.last), protocols);
    } catch (error) {
      this.retry(error instanceof Error ? error.message : null);
      return;
    }
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event: MessageEvent<ArrayBuffer | string>) => {
      if (this.socket === socket) this.hear(event.data);
    };
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.socket = null;
      if (FINAL_CODES.has(event.code)) {
        const why = event.reason || `the service closed the connection (${event.code})`;
        this.end(why, event.code === PERMISSION_ENDED);
      } else {
        this.retry(event.reason || null);
      }
    };
  }

  /** An event is missing: ask for all after the last one that was heard. */
  private again(): void {
    const socket = this.socket;
    this.socket = null;
    socket?.close(1000);
    this.dial();
  }

  private retry(detail: string | null): void {
    if (!this.wanted) return;
    this.handlers.status("waiting", detail);
    if (!this.visible) return;
    const wait = Math.max(backoff(this.attempt), (this.retryAfter ?? 0) * 1000);
    this.retryAfter = null;
    this.attempt += 1;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (this.wanted && this.visible) this.dial();
    }, wait);
  }

  private hear(data: ArrayBuffer | string): void {
    if (typeof data === "string") {
      this.hearText(data);
      return;
    }
    try {
      this.handlers.tick(decodeFrame(data));
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      console.warn(`live wire: ${error.message}`);
    }
  }

  private hearText(data: string): void {
    let message: ServerMessage;
    try {
      message = JSON.parse(data) as ServerMessage;
    } catch {
      console.warn("live wire: a text message that is not JSON");
      return;
    }
    if (message.kind === "hello") {
      this.attempt = 0;
      this.handlers.status("open", null);
      this.last ??= message.previous;
    }
    if (message.kind === "event" || message.kind === "gap") {
      const here = `${message.epoch}:${message.offset}`;
      if (message.kind === "event" && message.previous !== this.last && this.unfit !== here) {
        this.unfit = here;
        this.again();
        return;
      }
      this.last = here;
    }
    if (message.kind === "bye") this.retryAfter = message.retry_after;
    this.handlers.message(message);
  }
}
